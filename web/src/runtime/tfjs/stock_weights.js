/** The weights of TensorFlow.js's own operations, in the forms in which these are fast. */

import * as tf from "@tensorflow/tfjs-core";

/** @typedef {import("./stock_decoder.js").Block} Block */

export function loadTensors(
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

export function loadBlock(
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
export function transposed(
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
export class EmbeddingTable {
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
