/**
 * GPT-2 in the kernels of src/kernels, each shared out among threads; no TensorFlow.js. Int8 weights lie as in the bundle
 * in memory that the threads share, keys and values beside them. Interface: `Decoder` of runtime/stock_decoder.js.
 */

import { cacheWords, scratchWords } from "../attention_room.js";
import { timeSteps } from "../probe.js";
import { Trouble } from "../trouble.js";
import { Places, TiledRows } from "../wasm/places.js";
import { rowStride } from "./step.js";
import { Team } from "./team.js";

// Tokens of a prompt that are encoded at once; room for their work is small beside the weights.
const ROWS = 64;
const WORD = 4;
const MOST_THREADS = 4;
// A further thread must save so much of the time: less is not worth a processor.
const SHARE = 0.85;

/**
 * @typedef {import("../stock_decoder.js").Decoder} Decoder
 * @typedef {import("../stock_decoder.js").ModelConfig} ModelConfig
 * @typedef {import("../weights.js").WeightStore} WeightStore
 * @typedef {import("./shared_memory.js").SharedMemory} SharedMemory
 * @typedef {import("./step.js").LinearPlace} LinearPlace
 */

/** @implements {Decoder} */
export class ThreadDecoder {
  /**
   * @param {ModelConfig} config
   * @param {WeightStore} weights
   * @param {SharedMemory} memory
   * @param {number} start Address of the weights in it.
   * @param {WebAssembly.Module} module The kernels, for shared memory.
   * @param {number} vocabularySize Ids from here on get no logits.
   * @throws {Trouble} "bundle_damaged", or "out_of_memory" as a RangeError.
   */
  constructor(config, weights, memory, start, module, vocabularySize) {
    this.memory = memory;
    this.module = module;
    this.width = config.n_embd;
    this.contextLength = config.n_positions;
    this.vocabularySize = vocabularySize;
    this.length = 0;
    this.tokens = new TiledRows(weights, "wte.weight");
    this.positions = weights.float32("wpe.weight");
    this.plan = makePlan(config, weights, memory, start, vocabularySize);
    /** @type {Team | null} */
    this.team = null;
  }

  get threads() {
    return this.team?.threads ?? 0;
  }

  /**
   * Finds out by timing how many threads are fastest here; a machine's processors may have other work.
   *
   * @param {number | null} forced The number to take untimed.
   */
  async gather(forced) {
    if (forced) {
      this.team = await this.teamOf(Math.min(forced, MOST_THREADS));
      return;
    }
    this.team = await this.teamOf(1);
    let least = await timeSteps(this, this.contextLength);
    for (let threads = 2; threads <= Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS); threads *= 2) {
      const before = this.team;
      this.team = await this.teamOf(threads);
      const time = await timeSteps(this, this.contextLength);
      if (time > least * SHARE) {
        this.team.dismiss();
        this.team = before;
        return;
      }
      before.dismiss();
      least = time;
    }
  }

  /** @param {number[]} ids */
  async encode(ids) {
    const { contextLength, memory, plan, team, vocabularySize } = this;
    if (!ids.length || this.length + ids.length > contextLength) throw new RangeError(`${ids.length} ids`);
    if (!team) throw new Error("encode before gather");
    for (let start = 0; start < ids.length; start += ROWS) {
      const part = ids.slice(start, start + ROWS);
      this.embed(part);
      team.run(part.length, this.length, start + ROWS >= ids.length);
      this.length += part.length;
    }
    return memory.floats(plan.logits, vocabularySize).slice();
  }

  reset() {
    this.length = 0;
  }

  /** @private */
  teamOf(/** @type {number} */ threads) {
    return Team.gather(this.memory, this.module, this.plan, threads);
  }

  /** @private */
  embed(/** @type {number[]} */ ids) {
    const { width, length } = this;
    const x = this.memory.floats(this.plan.x, ids.length * width);
    x.set(this.positions.subarray(length * width, (length + ids.length) * width));
    for (const [row, id] of ids.entries()) this.tokens.addRow(id, x.subarray(row * width, (row + 1) * width));
  }
}

/** @returns {import("./step.js").Plan} */
function makePlan(
  /** @type {ModelConfig} */ config,
  /** @type {WeightStore} */ weights,
  /** @type {SharedMemory} */ memory,
  /** @type {number} */ start,
  /** @type {number} */ vocabularySize,
) {
  const { n_layer: layers, n_embd: width, n_head: heads, n_positions: contextLength } = config;
  if (width % heads) throw new Trouble("bundle_damaged", `${heads} heads do not divide a width of ${width}`);
  const epsilon = config.layer_norm_epsilon ?? 1e-5;
  const places = new Places(weights, width, epsilon);
  const norm = (/** @type {{weight: number, bias: number}} */ { weight, bias }) => ({
    weight: start + weight,
    bias: start + bias,
  });
  /** @returns {LinearPlace} */
  const linear = (/** @type {any} */ { tiles, scales, bias, inputs, outputs }) => ({
    tiles: start + tiles,
    scales: start + scales,
    bias: bias === null ? 0 : start + bias,
    inputs,
    outputs,
  });
  const depth = width / heads;
  const cache = () => memory.take(cacheWords(contextLength, heads, depth) * WORD);
  const scratch = () => memory.take(scratchWords(contextLength, heads, depth) * WORD);
  const blocks = Array.from({ length: layers }, (_, index) => places.block(`h.${index}.`));
  const inner = blocks[0].expand.outputs;
  return {
    width,
    inner,
    heads,
    epsilon,
    layers: blocks.map((block) => ({
      norm1: norm(block.norm1),
      qkv: linear(block.qkv),
      project: linear(block.project),
      norm2: norm(block.norm2),
      expand: linear(block.expand),
      contract: linear(block.contract),
      keys: cache(),
      values: cache(),
    })),
    finalNorm: norm(places.norm("ln_f")),
    head: linear(
      places.head((config.tie_word_embeddings ?? true) ? "wte.weight" : "lm_head.weight", vocabularySize),
    ),
    x: memory.take(ROWS * width * WORD),
    wide: memory.take(ROWS * Math.max(3 * width, inner) * WORD),
    narrow: memory.take(ROWS * width * WORD),
    rounded: memory.take(ROWS * rowStride(Math.max(width, inner)) * 2),
    roundedScales: memory.take(ROWS * WORD),
    scratch: Array.from({ length: MOST_THREADS }, scratch),
    logits: memory.take(vocabularySize * WORD),
  };
}
