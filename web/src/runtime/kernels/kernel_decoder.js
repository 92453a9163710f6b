/**
 * GPT-2 in the kernels of src/kernels: int8 weights where the bundle's bytes came to lie, everything else in rooms of their
 * own beside them. Whose memory that is, and who goes through the steps, a subclass says. Interface: `Decoder` of
 * runtime/stock_decoder.js, which is its reference.
 */

import { TiledRows } from "./places.js";
import { ROWS } from "./plan.js";

/**
 * @typedef {import("../stock_decoder.js").Decoder} Decoder
 * @typedef {import("../stock_decoder.js").ModelConfig} ModelConfig
 * @typedef {import("../weights.js").WeightStore} WeightStore
 * @typedef {import("./step.js").Plan} Plan
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
    this.tokens = new TiledRows(weights, "wte.weight");
    this.positions = weights.float32("wpe.weight");
  }

  /** @param {number[]} ids */
  async encode(ids) {
    if (!ids.length || this.length + ids.length > this.contextLength) throw new RangeError(`${ids.length} ids`);
    /** @type {Float32Array | null} */
    let logits = null;
    for (let start = 0; start < ids.length; start += ROWS) {
      const part = ids.slice(start, start + ROWS);
      this.embed(part);
      logits = await this.step(part.length, start + ROWS >= ids.length);
      this.length += part.length;
    }
    return /** @type {Float32Array} */ (logits);
  }

  reset() {
    this.length = 0;
  }

  /**
   * One step of the tokens whose embeddings lie in place.
   *
   * @abstract
   * @protected
   * @param {number} _n How many.
   * @param {boolean} _last Whether logits are wanted; else anything may come back.
   * @returns {Float32Array | Promise<Float32Array>} Logits [V] of what follows the last token, for the caller to keep.
   */
  step(_n, _last) {
    throw new Error("not implemented");
  }

  /** @private */
  embed(/** @type {number[]} */ ids) {
    const { plan, length, memory } = this;
    const { width } = plan;
    const x = new Float32Array(memory.memory.buffer, plan.x, ids.length * width);
    x.set(this.positions.subarray(length * width, (length + ids.length) * width));
    for (const [row, id] of ids.entries()) this.tokens.addRow(id, x.subarray(row * width, (row + 1) * width));
  }
}
