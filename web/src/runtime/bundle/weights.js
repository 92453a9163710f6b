/**
 * The weights of a bundle by Hugging Face name, decoded one by one so that no second copy of all lies in memory.
 * Layouts: export/browser/quantization.py and TensorFlow.js's weights manifest.
 */

import { Trouble } from "../trouble.js";

/**
 * @typedef {{shape: number[], start: number, kind: "float32" | "float16" | "int32"}} Stored
 * @typedef {{values: Int8Array, scales: Float32Array, shape: number[], channelAxis: number}} Int8Matrix
 */

const BYTES = { float32: 4, float16: 2, int32: 4 };
// A tile of an int8 matrix: so many outputs, and for each two inputs so many bytes.
export const TILE_OUTPUTS = 32;
export const PAIR_BYTES = 64;

export class WeightStore {
  /** @param {Pick<import("./bundle.js").Bundle, "index" | "files" | "weights">} bundle */
  constructor({ index, files, weights }) {
    const manifest = JSON.parse(new TextDecoder().decode(files.get("weights_manifest.json")));
    /** @type {Record<string, {shape: number[], channel_axis: number}>} */
    this.quantised = index.int8;
    /** All weights as the bundle has them; asked anew for each access, since memory of WebAssembly moves. */
    this.bytes = weights;
    /** @type {Map<string, Stored>} */
    this.entries = new Map();
    let start = 0;
    for (const { name, shape, dtype, quantization } of manifest.flatMap(
      (/** @type {any} */ group) => group.weights,
    )) {
      const kind = /** @type {Stored["kind"]} */ (quantization?.dtype ?? dtype);
      if (!(kind in BYTES)) throw new Trouble("bundle_damaged", `${name} is ${kind}`);
      this.entries.set(name, { shape, start, kind });
      start += size(shape) * BYTES[kind];
    }
    if (start !== weights().length) throw new Trouble("bundle_damaged", "weights_manifest.json");
  }

  /** @param {string} name */
  isInt8(name) {
    return name in this.quantised;
  }

  /**
   * @param {string} name A matrix that the bundle holds as int8.
   * @returns {Int8Matrix} Values in row-major order of `shape`.
   */
  int8(name) {
    const { shape, channel_axis: channelAxis } = this.quantised[name];
    const { start, inputs, outputs } = this.tiles(name);
    const [outputStep, inputStep] = channelAxis === 0 ? [inputs, 1] : [1, outputs];
    const values = new Int8Array(size(shape));
    const bytes = this.bytes();
    for (let output = 0; output < outputs; output++) {
      let from = start + tilePlace(output, inputs);
      const flip = isLow(output) ? 128 : 0;
      let to = output * outputStep;
      for (let i = 0; i < inputs; i++, to += inputStep) {
        values[to] = bytes[from + 2 * (i & 1)] ^ flip;
        if (i & 1) from += PAIR_BYTES;
      }
    }
    return { values, scales: this.float32(`${name}/scale`), shape, channelAxis };
  }

  /**
   * Where the tiles of an int8 matrix lie.
   *
   * @param {string} name
   * @returns {{start: number, inputs: number, outputs: number}}
   */
  tiles(name) {
    const { shape, channel_axis: channelAxis } = this.quantised[name] ?? { shape: [] };
    const entry = this.entry(`${name}/int8`);
    const [outputs, inputs] = channelAxis === 0 ? shape : [shape[1], shape[0]];
    const expected = tilePlace(Math.ceil(outputs / TILE_OUTPUTS) * TILE_OUTPUTS, inputs);
    if (size(entry.shape) * BYTES.int32 !== expected) throw new Trouble("bundle_damaged", `${name}/int8`);
    return { start: entry.start, inputs, outputs };
  }

  /**
   * Where a vector lies.
   *
   * @param {string} name
   * @param {number} length That it must have.
   * @returns {number} Its first byte.
   */
  vector(name, length) {
    const { kind, shape, start } = this.entry(name);
    if (kind !== "float32" || size(shape) !== length)
      throw new Trouble("bundle_damaged", `${name} is ${kind} [${shape}]`);
    return start;
  }

  /**
   * @param {string} name
   * @returns {Float32Array} In row-major order, dequantised.
   */
  float32(name) {
    if (this.isInt8(name)) return dequantise(this.int8(name));
    const entry = this.entry(name);
    const { buffer } = this.raw(entry);
    return entry.kind === "float16" ? decodeHalves(new Uint16Array(buffer)) : new Float32Array(buffer);
  }

  /** A copy of what is stored, which needs no alignment where it lies. @private */
  raw(/** @type {Stored} */ { shape, start, kind }) {
    return this.bytes().slice(start, start + size(shape) * BYTES[kind]);
  }

  /** @private */
  entry(/** @type {string} */ name) {
    const entry = this.entries.get(name);
    if (!entry) throw new Trouble("bundle_damaged", `${name} is missing`);
    return entry;
  }
}

/** @param {number[]} shape */
export function size(shape) {
  return shape.reduce((product, edge) => product * edge, 1);
}

/**
 * The first byte of an output's weights in the tiles of a matrix: that of the next input lies two bytes further, those
 * of the next two inputs follow PAIR_BYTES later. Layout: src/kernels/linear.ts.
 *
 * @param {number} output
 * @param {number} inputs Of the matrix.
 */
export function tilePlace(output, inputs) {
  const lane = output % TILE_OUTPUTS;
  return (
    ((output - lane) / TILE_OUTPUTS) * Math.ceil(inputs / 2) * PAIR_BYTES +
    (lane >> 3) * 16 +
    (lane & 3) * 4 +
    ((lane >> 2) & 1)
  );
}

/** Whether an output's weights are low bytes of words, to which 128 has been added. */
export const isLow = (/** @type {number} */ output) => (output & 4) === 0;

function dequantise(/** @type {Int8Matrix} */ { values, scales, shape, channelAxis }) {
  const result = new Float32Array(values.length);
  const [rows, columns] = shape;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      result[i] = values[i] * scales[channelAxis === 0 ? row : column];
    }
  }
  return result;
}

/** IEEE 754 half precision to float32. */
export function decodeHalves(/** @type {Uint16Array} */ halves) {
  return Float32Array.from(halves, (half) => {
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    const sign = half & 0x8000 ? -1 : 1;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
