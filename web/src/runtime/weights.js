/**
 * The weights of a bundle by Hugging Face name, decoded one by one so that no second copy of all lies in memory.
 * Layouts: export/quantization.py and TensorFlow.js's weights manifest.
 */

import { Trouble } from "./trouble.js";

/**
 * @typedef {{shape: number[], start: number, kind: "float32" | "float16" | "int32"}} Stored
 * @typedef {{values: Int8Array, scales: Float32Array, shape: number[], channelAxis: number}} Int8Matrix
 */

const BYTES = { float32: 4, float16: 2, int32: 4 };

export class WeightStore {
  /** @param {import("./bundle.js").Bundle} bundle Its shards are taken out of `bundle.files`. */
  constructor({ index, files }) {
    const manifest = JSON.parse(new TextDecoder().decode(files.get("weights_manifest.json")));
    const paths = manifest.flatMap((/** @type {any} */ group) => group.paths);
    /** @type {Record<string, {shape: number[], channel_axis: number}>} */
    this.quantised = index.int8;
    this.data = joinShards(paths, files);
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
    if (start !== this.data.byteLength) throw new Trouble("bundle_damaged", "weights_manifest.json");
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
    const { start } = this.entry(`${name}/int8`);
    const values = new Int8Array(this.data, start, size(shape));
    return { values, scales: this.float32(`${name}/scale`), shape, channelAxis };
  }

  /**
   * @param {string} name
   * @returns {Float32Array} In row-major order, dequantised.
   */
  float32(name) {
    if (this.isInt8(name)) return dequantise(this.int8(name));
    const { shape, start, kind } = this.entry(name);
    const bytes = this.data.slice(start, start + size(shape) * BYTES[kind]);
    return kind === "float16" ? decodeHalves(new Uint16Array(bytes)) : new Float32Array(bytes);
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

function joinShards(/** @type {string[]} */ paths, /** @type {Map<string, Uint8Array>} */ files) {
  const shards = paths.map((path) => {
    const shard = files.get(path);
    if (!shard) throw new Trouble("missing_file", path);
    files.delete(path);
    return shard;
  });
  const all = new Uint8Array(shards.reduce((sum, shard) => sum + shard.length, 0));
  let filled = 0;
  for (const shard of shards) {
    all.set(shard, filled);
    filled += shard.length;
  }
  return all.buffer;
}

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
