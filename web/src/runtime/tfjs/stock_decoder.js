/**
 * GPT-2 in TensorFlow.js's own operations, one text at a time, with cached keys and values. The Keras model is its oracle
 * through the bundle's golden trace. Any decoder has the interface of `Decoder` (decoder.js).
 *
 * Shapes: n new tokens, D width, H heads, K head width, F inner width, V vocabulary.
 */

import * as tf from "@tensorflow/tfjs-core";
import { FixedCache, GrowingCache } from "./key_value_cache.js";

// GELU in its tanh form is x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)).
const GELU_LINEAR = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBIC = GELU_LINEAR * 0.044715;

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
      logits = tf.tidy(() => this.step(part, this.length, chunk));
      this.length += part.length;
    }
    const last = /** @type {tf.Tensor} */ (logits);
    const values = /** @type {Float32Array} */ (await last.data());
    last.dispose();
    return values;
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
   */
  step(ids, position, rows) {
    /** @type {tf.Tensor2D} */
    let x = this.embed(ids, position, rows); // [n, D]
    for (const [layer, block] of this.blocks.entries()) {
      const attended = this.attend(this.norm(x, block, "ln_1"), layer, block, position);
      x = add(x, linear(attended, block, "attn.c_proj"));
      const hidden = this.gelu(linear(this.norm(x, block, "ln_2"), block, "mlp.c_fc")); // [n, F]
      x = add(x, linear(hidden, block, "mlp.c_proj"));
    }
    const last = rows === 1 ? x : tf.slice(x, [ids.length - 1, 0], [1, this.width]);
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
  attend(
    /** @type {tf.Tensor2D} */ x,
    /** @type {number} */ layer,
    /** @type {Block} */ block,
    /** @type {number} */ position,
  ) {
    const qkv = linear(x, block, "attn.c_attn"); // [n, 3 * D]
    const parts = /** @type {tf.Tensor2D[]} */ (tf.split(qkv, 3, 1)).map((part) => this.splitHeads(part));
    const [query, key, value] = /** @type {tf.Tensor3D[]} */ (parts);
    const context = this.cache.attend(layer, query, key, value, position); // [H, n, K]
    const rows = x.shape[0];
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

function loadTensors(
  /** @type {import("../bundle/weights.js").WeightStore} */ weights,
  /** @type {string} */ prefix,
  /** @type {Record<string, number[]>} */ shapes,
) {
  /** @type {Block} */
  const tensors = {};
  for (const [name, shape] of Object.entries(shapes))
    tensors[name] = tf.tensor(weights.float32(prefix + name), shape);
  return tensors;
}

function loadBlock(
  /** @type {import("../bundle/weights.js").WeightStore} */ weights,
  /** @type {number} */ index,
  /** @type {number} */ width,
  /** @type {number} */ heads,
) {
  const prefix = `h.${index}.`;
  const kernel = weights.float32(`${prefix}attn.c_attn.weight`);
  const bias = weights.float32(`${prefix}attn.c_attn.bias`);
  // Scaling the columns that make the queries, once, saves scaling the queries of every token.
  const scale = (width / heads) ** -0.5;
  for (let i = 0; i < kernel.length; i++) if (i % (3 * width) < width) kernel[i] *= scale;
  for (let i = 0; i < width; i++) bias[i] *= scale;
  const inner = weights.float32(`${prefix}mlp.c_fc.bias`).length;
  return {
    "attn.c_attn.weight": tf.tensor(kernel, [width, 3 * width]),
    "attn.c_attn.bias": tf.tensor(bias, [3 * width]),
    ...loadTensors(weights, prefix, {
      "ln_1.weight": [width],
      "ln_1.bias": [width],
      "attn.c_proj.weight": [width, width],
      "attn.c_proj.bias": [width],
      "ln_2.weight": [width],
      "ln_2.bias": [width],
      "mlp.c_fc.weight": [width, inner],
      "mlp.c_fc.bias": [inner],
      "mlp.c_proj.weight": [inner, width],
      "mlp.c_proj.bias": [width],
    }),
  };
}

/** The first `rows` rows of a matrix [V, D], as [D, V] in row-major order. */
function transposed(
  /** @type {import("../bundle/weights.js").WeightStore} */ weights,
  /** @type {string} */ name,
  /** @type {number} */ width,
  /** @type {number} */ rows,
) {
  const matrix = weights.float32(name);
  const result = new Float32Array(rows * width);
  const BLOCK = 32; // both sides of a block fit the processor's cache
  for (let r0 = 0; r0 < rows; r0 += BLOCK) {
    const r1 = Math.min(rows, r0 + BLOCK);
    for (let column = 0; column < width; column++) {
      for (let row = r0; row < r1; row++) result[column * rows + row] = matrix[row * width + column];
    }
  }
  return result;
}

/** Rows of a matrix [N, D] that stays as the bundle has it. */
class EmbeddingTable {
  constructor(
    /** @type {import("../bundle/weights.js").WeightStore} */ weights,
    /** @type {string} */ name,
    /** @type {number} */ width,
  ) {
    this.width = width;
    const stored = weights.isInt8(name) ? weights.int8(name) : null;
    this.values = stored ? stored.values : weights.float32(name);
    this.scales = stored?.scales;
  }

  addRow(/** @type {number} */ row, /** @type {Float32Array} */ target) {
    const start = row * this.width;
    const scale = this.scales ? this.scales[row] : 1;
    for (let i = 0; i < this.width; i++) target[i] += this.values[start + i] * scale;
  }
}
