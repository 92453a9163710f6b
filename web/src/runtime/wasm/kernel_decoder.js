/**
 * GPT-2 in the kernels of src/kernels: int8 weights where the bundle's bytes came to lie, keys and values in place.
 * Interface: `Decoder` of runtime/stock_decoder.js, which is its reference.
 *
 * Shapes: n new tokens, D width, F inner width, V vocabulary.
 */

import * as tf from "@tensorflow/tfjs-core";
import { cacheWords } from "../attention_room.js";
import { runAttention, runEmpty, runGelu, runLayerNorm, runLinear } from "./kernels.js";
import { Places, TiledRows } from "./places.js";

/**
 * @typedef {import("../stock_decoder.js").Decoder} Decoder
 * @typedef {import("../stock_decoder.js").ModelConfig} ModelConfig
 * @typedef {import("../weights.js").WeightStore} WeightStore
 */

/** @implements {Decoder} */
export class KernelDecoder {
  /**
   * @param {ModelConfig} config
   * @param {WeightStore} weights
   * @param {tf.Tensor} bytes The weights' bytes as a tensor; this decoder's to dispose of.
   * @param {number} vocabularySize Ids from here on get no logits.
   * @throws {import("../trouble.js").Trouble} "bundle_damaged"
   */
  constructor(config, weights, bytes, vocabularySize) {
    const { n_layer: layers, n_embd: width, n_head: heads, n_positions: context } = config;
    const epsilon = config.layer_norm_epsilon ?? 1e-5;
    this.name = "kernels";
    this.width = width;
    this.contextLength = context;
    this.length = 0;
    this.bytes = bytes;
    this.tokens = new TiledRows(weights, "wte.weight");
    this.positions = weights.float32("wpe.weight");
    const places = new Places(weights, width, epsilon);
    this.blocks = Array.from({ length: layers }, (_, index) => places.block(`h.${index}.`));
    this.finalNorm = places.norm("ln_f");
    this.head = places.head((config.tie_word_embeddings ?? true) ? "wte.weight" : "lm_head.weight", vocabularySize);
    this.heads = heads;
    const cache = () => tf.keep(runEmpty([cacheWords(context, heads, width / heads)], "int32"));
    this.caches = tf.tidy(() => this.blocks.map(() => ({ keys: cache(), values: cache() })));
  }

  /** @param {number[]} ids */
  async encode(ids) {
    if (!ids.length || this.length + ids.length > this.contextLength) throw new RangeError(`${ids.length} ids`);
    const logits = tf.tidy(() => this.step(ids)); // [1, V]
    this.length += ids.length;
    const values = /** @type {Float32Array} */ (await logits.data());
    logits.dispose();
    return values;
  }

  reset() {
    this.length = 0;
  }

  dispose() {
    tf.dispose([this.bytes, this.caches.map(({ keys, values }) => [keys, values])]);
  }

  /** @private */
  step(/** @type {number[]} */ ids) {
    const { bytes, heads, length: position } = this;
    let x = this.embed(ids); // [n, D]
    for (const [layer, block] of this.blocks.entries()) {
      const { keys, values } = this.caches[layer];
      const qkv = runLinear(runLayerNorm(x, bytes, block.norm1), bytes, block.qkv); // [n, 3 * D]
      x = runLinear(runAttention(qkv, keys, values, { position, heads }), bytes, block.project, x);
      const hidden = runLinear(runLayerNorm(x, bytes, block.norm2), bytes, block.expand); // [n, F]
      x = runLinear(runGelu(hidden), bytes, block.contract, x);
    }
    const last = ids.length === 1 ? x : tf.slice(x, [ids.length - 1, 0], [1, this.width]);
    return runLinear(runLayerNorm(last, bytes, this.finalNorm), bytes, this.head);
  }

  /** @private */
  embed(/** @type {number[]} */ ids) {
    const { width, length } = this;
    const x = this.positions.slice(length * width, (length + ids.length) * width);
    for (const [row, id] of ids.entries()) this.tokens.addRow(id, x.subarray(row * width, (row + 1) * width));
    return /** @type {tf.Tensor} */ (tf.tensor2d(x, [ids.length, width]));
  }
}
