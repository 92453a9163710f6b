/**
 * GPT-2 in the kernels of src/kernels: int8 weights where the bundle's bytes came to lie, everything else in rooms of their
 * own beside them. Whose memory that is, and who goes through the steps, a subclass says. Interface: `Decoder` of
 * runtime/decoder.js; tfjs/stock_decoder.js is its reference.
 */

import { MAX_INSERTION } from "../writing/sampler.js";
import { TiledRows } from "./places.js";
import { ROWS } from "./plan.js";

/**
 * @typedef {import("../decoder.js").Decoder} Decoder
 * @typedef {import("../decoder.js").ModelConfig} ModelConfig
 * @typedef {import("../bundle/weights.js").WeightStore} WeightStore
 * @typedef {import("../decoder.js").Candidates} Candidates
 * @typedef {import("./step.js").Plan} Plan
 * @typedef {Float32Array | Candidates} Outcome Logits [V] of what follows the last token, or the likeliest of them.
 */

/** @implements {Decoder} */
export class KernelDecoder {
  /**
   * @param {ModelConfig} config
   * @param {WeightStore} weights
   * @param {Plan} plan
   * @param {{memory: WebAssembly.Memory}} memory That the plan's addresses are in.
   */
  constructor(config, weights, plan, memory) {
    this.plan = plan;
    this.memory = memory;
    this.contextLength = config.n_positions;
    this.length = 0;
    this.maxCandidates = MAX_INSERTION;
    this.tokens = new TiledRows(weights, "wte.weight");
    this.positions = weights.float32("wpe.weight");
    /** What the last layer has put out, kept as it comes: a copy of D numbers a token, [length or more, D]. */
    this.kept = new Float32Array(0);
  }

  /** @param {number[]} ids */
  async encode(ids) {
    return /** @type {Float32Array} */ (await this.run(ids, 0));
  }

  /**
   * @param {number[]} ids
   * @param {number} k
   */
  async encodeCandidates(ids, k) {
    return /** @type {Candidates} */ (await this.run(ids, Math.min(k, this.plan.head.outputs)));
  }

  reset() {
    this.length = 0;
  }

  /** @param {number} count */
  states(count) {
    return this.kept.slice(0, count * this.plan.width);
  }

  /** @param {Float32Array} state */
  answer(state) {
    const { plan } = this;
    this.floats(plan.x, plan.width).set(state);
    this.alone().answer(plan.x, plan.logits);
    return this.floats(plan.logits, plan.head.outputs).slice();
  }

  lastLogits() {
    const { width } = this.plan;
    return this.answer(this.kept.subarray((this.length - 1) * width, this.length * width));
  }

  /** @type {NonNullable<Decoder["trace"]>} */
  async trace(ids, watch, stopped) {
    const { width } = this.plan;
    this.reset();
    for (let start = 0; start < ids.length; start += ROWS) {
      const part = ids.slice(start, start + ROWS);
      this.embed(part);
      this.alone().run(part.length, start, 0, (kind, layer, address) => {
        const size = part.length * (kind === "state" ? width : 3 * width);
        watch(kind, layer, start, this.floats(address, size));
      });
      this.length += part.length;
      if (await stopped()) return false;
    }
    return true;
  }

  /**
   * Goes through steps without other threads.
   *
   * @abstract
   * @protected
   * @returns {import("./step.js").Step}
   */
  alone() {
    throw new Error("not implemented");
  }

  /** @protected */
  floats(/** @type {number} */ address, /** @type {number} */ length) {
    return new Float32Array(this.memory.memory.buffer, address, length);
  }

  /**
   * One step of the tokens whose embeddings lie in place.
   *
   * @abstract
   * @protected
   * @param {number} _n How many.
   * @param {boolean} _last Whether the outcome is wanted; else anything may come back.
   * @param {number} _k How many candidates are wanted; 0 for all logits.
   * @returns {Outcome | Promise<Outcome>} For the caller to keep.
   */
  step(_n, _last, _k) {
    throw new Error("not implemented");
  }

  /** @private */
  async run(/** @type {number[]} */ ids, /** @type {number} */ k) {
    if (!ids.length || this.length + ids.length > this.contextLength) throw new RangeError(`${ids.length} ids`);
    /** @type {Outcome | null} */
    let outcome = null;
    for (let start = 0; start < ids.length; start += ROWS) {
      const part = ids.slice(start, start + ROWS);
      this.embed(part);
      outcome = await this.step(part.length, start + ROWS >= ids.length, k);
      this.keep(part.length);
      this.length += part.length;
    }
    return outcome;
  }

  /** @private */
  keep(/** @type {number} */ n) {
    const { kept, length, plan } = this;
    const { width, x } = plan;
    if (kept.length < (length + n) * width) {
      this.kept = new Float32Array(2 * (length + n) * width);
      this.kept.set(kept);
    }
    this.kept.set(this.floats(x, n * width), length * width);
  }

  /** @private */
  embed(/** @type {number[]} */ ids) {
    const { plan, length } = this;
    const { width } = plan;
    const x = this.floats(plan.x, ids.length * width);
    x.set(this.positions.subarray(length * width, (length + ids.length) * width));
    for (const [row, id] of ids.entries()) this.tokens.addRow(id, x.subarray(row * width, (row + 1) * width));
  }
}

/** What the kernel `topK` has put out: k ids, then their logits. */
export function asCandidates(/** @type {Int32Array} */ words) {
  const { buffer, byteOffset, length } = words;
  const k = length / 2;
  return { ids: new Uint32Array(buffer, byteOffset, k), logits: new Float32Array(buffer, byteOffset + 4 * k, k) };
}
