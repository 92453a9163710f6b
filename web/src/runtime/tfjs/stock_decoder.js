/**
 * GPT-2 in TensorFlow.js's own operations, one text at a time, with cached keys and values. The Keras model is its oracle
 * through the bundle's golden trace. Any decoder has the interface of `Decoder` (decoder.js).
 *
 * Shapes: n new tokens, D width, H heads, K head width, F inner width, V vocabulary.
 */

import * as tf from "@tensorflow/tfjs-core";
import { FixedCache, GrowingCache } from "./key_value_cache.js";
import { EmbeddingTable, loadBlock, loadTensors, transposed } from "./stock_weights.js";

// GELU in its tanh form is x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)).
const GELU_LINEAR = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBIC = GELU_LINEAR * 0.044715;

// Tokens of a text that are traced at once, so that stopping never waits for all.
const CHUNK = 64;

/**
 * @typedef {import("../decoder.js").ModelConfig} ModelConfig
 * @typedef {import("../decoder.js").Decoder} Decoder
 * @typedef {Record<string, tf.Tensor>} Block
 */

/** @implements {Decoder} */
export class StockDecoder {
  /**
   * @param {ModelConfig} config
   * @param {import("../bundle/weights.js").WeightStore} weights
   * @param {number} vocabularySize Ids from here on get no logits.
   */
  constructor(config, weights, vocabularySize) {
    const { n_layer: layers, n_embd: width, n_head: heads, n_positions: context } = config;
    this.width = width;
    this.heads = heads;
    this.contextLength = context;
    this.epsilon = tf.scalar(config.layer_norm_epsilon ?? 1e-5);
    this.geluLinear = tf.scalar(GELU_LINEAR);
    this.geluCubic = tf.scalar(GELU_CUBIC);
    this.length = 0;
    // Looked up here and not by an operation: rows of a table need no tensor, and int8 rows stay int8.
    this.tokens = new EmbeddingTable(weights, "wte.weight", width);
    this.positions = new EmbeddingTable(weights, "wpe.weight", width);
    this.blocks = Array.from({ length: layers }, (_, index) => loadBlock(weights, index, width, heads));
    this.finalNorm = loadTensors(weights, "", { "ln_f.weight": [width], "ln_f.bias": [width] });
    const tied = config.tie_word_embeddings ?? true;
    // A product with a transposed matrix is 12 times slower on wasm, so the head lies in memory as [D, V].
    this.head = tf.tensor2d(transposed(weights, tied ? "wte.weight" : "lm_head.weight", width, vocabularySize), [
      width,
      vocabularySize,
    ]);
    /** What the last layer has put out, [length or more, D]; from a graphics card each would have to be fetched. */
    this.kept = new Float32Array(0);
    this.keeps = tf.getBackend() !== "webgl";
    this.cache = tf.getBackend() === "webgl" ? new FixedCache(layers, context) : new GrowingCache(layers);
  }

  /** @param {number[]} ids */
  async encode(ids) {
    if (!ids.length || this.length + ids.length > this.contextLength) throw new RangeError(`${ids.length} ids`);
    const chunk = ids.length === 1 ? 1 : (this.cache.chunk ?? ids.length);
    /** @type {tf.Tensor | null} */
    let logits = null;
    for (let start = 0; start < ids.length; start += chunk) {
      logits?.dispose();
      const part = ids.slice(start, start + chunk);
      logits = tf.tidy(() => this.logits(this.step(part, this.length, chunk), part.length));
      this.length += part.length;
    }
    const last = /** @type {tf.Tensor} */ (logits);
    const values = /** @type {Float32Array} */ (await last.data());
    last.dispose();
    return values;
  }

  /** @param {number} count @returns {Float32Array} Empty where none are kept. */
  states(count) {
    return this.kept.slice(0, count * this.width);
  }

  /** @param {Float32Array} state */
  async answer(state) {
    const logits = tf.tidy(() => this.logits(tf.tensor2d(state, [1, this.width]), 1));
    const values = /** @type {Float32Array} */ (await logits.data());
    logits.dispose();
    return values;
  }

  /** @type {NonNullable<Decoder["trace"]>} */
  async trace(ids, watch, stopped) {
    this.reset();
    const chunk = this.cache.chunk ?? CHUNK;
    for (let start = 0; start < ids.length; start += chunk) {
      const part = ids.slice(start, start + chunk);
      tf.tidy(() => {
        this.step(part, start, this.cache.chunk ?? part.length, (kind, layer, tensor) => {
          const values = /** @type {Float32Array} */ (tensor.dataSync()).slice(
            0,
            part.length * (tensor.shape[1] ?? 0),
          );
          if (kind === "projections") this.unscale(values);
          watch(kind, layer, start, values);
        });
      });
      this.length += part.length;
      if (await stopped()) return false;
    }
    return true;
  }

  /** Queries as the model has them: `loadBlock`. @private */
  unscale(/** @type {Float32Array} */ projections) {
    const factor = Math.sqrt(this.width / this.heads);
    for (let i = 0; i < projections.length; i++) if (i % (3 * this.width) < this.width) projections[i] *= factor;
  }

  reset() {
    this.cache.clear();
    this.length = 0;
  }

  /**
   * @private
   * @param {number[]} ids
   * @param {number} position Of the first id.
   * @param {number} rows At least as many as ids: n.
   * @param {((kind: "state" | "projections", layer: number, tensor: tf.Tensor2D) => void) | null} [watch]
   * @returns {tf.Tensor2D} [n, D]
   */
  step(ids, position, rows, watch = null) {
    /** @type {tf.Tensor2D} */
    let x = this.embed(ids, position, rows); // [n, D]
    watch?.("state", 0, x);
    for (const [layer, block] of this.blocks.entries()) {
      const qkv = linear(this.norm(x, block, "ln_1"), block, "attn.c_attn"); // [n, 3 D]
      watch?.("projections", layer, qkv);
      const attended = this.attend(qkv, layer, position);
      x = add(x, linear(attended, block, "attn.c_proj"));
      const hidden = this.gelu(linear(this.norm(x, block, "ln_2"), block, "mlp.c_fc")); // [n, F]
      x = add(x, linear(hidden, block, "mlp.c_proj"));
      watch?.("state", layer + 1, x);
    }
    if (this.keeps) this.keep(x, position);
    return x;
  }

  /** @private */
  keep(/** @type {tf.Tensor2D} */ x, /** @type {number} */ position) {
    const values = x.dataSync();
    if (this.kept.length < position * this.width + values.length) {
      const more = new Float32Array(2 * (position * this.width + values.length));
      more.set(this.kept);
      this.kept = more;
    }
    this.kept.set(values, position * this.width);
  }

  /** Of the last of n rows: [1, V]. @private */
  logits(/** @type {tf.Tensor2D} */ x, /** @type {number} */ n) {
    const last = x.shape[0] === 1 ? x : tf.slice(x, [n - 1, 0], [1, this.width]);
    return tf.matMul(this.norm(last, this.finalNorm, "ln_f"), this.head); // [1, V]
  }

  /** @private */
  embed(/** @type {number[]} */ ids, /** @type {number} */ position, /** @type {number} */ rows) {
    const x = new Float32Array(rows * this.width);
    for (const [row, id] of ids.entries()) {
      const target = x.subarray(row * this.width, (row + 1) * this.width);
      this.tokens.addRow(id, target);
      this.positions.addRow(position + row, target);
    }
    return tf.tensor2d(x, [rows, this.width]);
  }

  /** @private */
  attend(/** @type {tf.Tensor2D} */ qkv, /** @type {number} */ layer, /** @type {number} */ position) {
    const parts = /** @type {tf.Tensor2D[]} */ (tf.split(qkv, 3, 1)).map((part) => this.splitHeads(part));
    const [query, key, value] = /** @type {tf.Tensor3D[]} */ (parts);
    const context = this.cache.attend(layer, query, key, value, position); // [H, n, K]
    const rows = qkv.shape[0];
    const ordered = rows === 1 ? context : tf.transpose(context, [1, 0, 2]);
    return /** @type {tf.Tensor2D} */ (tf.reshape(ordered, [rows, this.width]));
  }

  /** [n, D] -> [H, n, K] @private */
  splitHeads(/** @type {tf.Tensor2D} */ x) {
    const rows = x.shape[0];
    const depth = this.width / this.heads;
    if (rows === 1) return tf.reshape(x, [this.heads, 1, depth]); // the same numbers in the same order
    return tf.transpose(/** @type {tf.Tensor3D} */ (tf.reshape(x, [rows, this.heads, depth])), [1, 0, 2]);
  }

  /** Layer normalisation over the last axis (Ba et al. 2016). @private */
  norm(/** @type {tf.Tensor2D} */ x, /** @type {Block} */ block, /** @type {string} */ name) {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const variance = tf.mean(tf.square(centred), 1, true);
    const scaled = tf.mul(centred, tf.rsqrt(tf.add(variance, this.epsilon)));
    return /** @type {tf.Tensor2D} */ (tf.add(tf.mul(scaled, block[`${name}.weight`]), block[`${name}.bias`]));
  }

  /** @private */
  gelu(/** @type {tf.Tensor2D} */ x) {
    const slope = tf.add(tf.mul(tf.square(x), this.geluCubic), this.geluLinear);
    return /** @type {tf.Tensor2D} */ (tf.mul(x, tf.sigmoid(tf.mul(x, slope))));
  }
}

/** tf.add for two tensors of one shape: its own type loses the rank. */
function add(/** @type {tf.Tensor2D} */ a, /** @type {tf.Tensor2D} */ b) {
  return /** @type {tf.Tensor2D} */ (tf.add(a, b));
}

/** [n, in] -> [n, out]. A bias is only safe here because nothing is transposed: see docs/notes/browser.md. */
function linear(/** @type {tf.Tensor2D} */ x, /** @type {Block} */ block, /** @type {string} */ name) {
  const b = /** @type {tf.Tensor2D} */ (block[`${name}.weight`]);
  return /** @type {tf.Tensor2D} */ (tf.fused.matMul({ a: x, b, bias: block[`${name}.bias`] }));
}
