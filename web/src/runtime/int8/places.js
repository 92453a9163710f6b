/** Addresses of what the kernels need of the bundle's bytes. */

import { isLow, PAIR_BYTES, tilePlace } from "../bundle/weights.js";
import { Trouble } from "../trouble.js";

/** @typedef {import("../bundle/weights.js").WeightStore} WeightStore */

/** Where the kernels find what they need; its shapes are checked, since they trust them. */
export class Places {
  constructor(/** @type {WeightStore} */ weights, /** @type {number} */ width, /** @type {number} */ start) {
    this.weights = weights;
    this.width = width;
    this.start = start; // address of the bytes
  }

  block(/** @type {string} */ prefix) {
    const { width } = this;
    const inner = this.weights.tiles(`${prefix}mlp.c_fc.weight`).outputs;
    return {
      norm1: this.norm(`${prefix}ln_1`),
      qkv: this.linear(`${prefix}attn.c_attn`, width, 3 * width),
      project: this.linear(`${prefix}attn.c_proj`, width, width),
      norm2: this.norm(`${prefix}ln_2`),
      expand: this.linear(`${prefix}mlp.c_fc`, width, inner),
      contract: this.linear(`${prefix}mlp.c_proj`, inner, width),
    };
  }

  norm(/** @type {string} */ name) {
    const { width } = this;
    return { weight: this.vector(`${name}.weight`, width), bias: this.vector(`${name}.bias`, width) };
  }

  linear(/** @type {string} */ name, /** @type {number} */ inputs, /** @type {number} */ outputs) {
    const place = this.matrix(`${name}.weight`, inputs, outputs);
    return { ...place, bias: this.vector(`${name}.bias`, outputs) };
  }

  /** The first `outputs` rows of a matrix [V or more, D]. */
  head(/** @type {string} */ name, /** @type {number} */ outputs) {
    const rows = this.weights.tiles(name).outputs;
    if (outputs > rows) throw new Trouble("bundle_damaged", `${name} has ${rows} rows for ${outputs} tokens`);
    return { ...this.matrix(name, this.width, rows), bias: 0, outputs };
  }

  /** @private */
  matrix(/** @type {string} */ name, /** @type {number} */ inputs, /** @type {number} */ outputs) {
    const place = this.weights.tiles(name);
    if (place.inputs !== inputs || place.outputs !== outputs) {
      throw new Trouble(
        "bundle_damaged",
        `${name} is ${place.inputs} to ${place.outputs}, not ${inputs} to ${outputs}`,
      );
    }
    return { tiles: this.start + place.start, scales: this.vector(`${name}/scale`, outputs), inputs, outputs };
  }

  /** @private */
  vector(/** @type {string} */ name, /** @type {number} */ length) {
    return this.start + this.weights.vector(name, length);
  }
}

/** Rows of an embedding [V, D], read out of its tiles. */
export class TiledRows {
  constructor(/** @type {WeightStore} */ weights, /** @type {string} */ name) {
    this.weights = weights;
    this.place = weights.tiles(name);
    this.scales = weights.float32(`${name}/scale`);
  }

  addRow(/** @type {number} */ row, /** @type {Float32Array} */ target) {
    const { start, inputs } = this.place;
    const bytes = this.weights.bytes();
    const scale = this.scales[row];
    const flip = isLow(row) ? 128 : 0;
    let from = start + tilePlace(row, inputs);
    for (let i = 0; i < inputs; i++) {
      target[i] += (((bytes[from + 2 * (i & 1)] ^ flip) << 24) >> 24) * scale;
      if (i & 1) from += PAIR_BYTES;
    }
  }
}
