/** Weights on the graphics card. int8 stays int8 there; float16 bundles become float32. */

import { padded } from "./wgsl.js";

/**
 * @typedef {object} DeviceMatrix A matrix [out, in]; rows are padded with zeros to whole groups of four.
 * @property {"int8" | "float32"} kind
 * @property {GPUBuffer} values
 * @property {GPUBuffer} scales [out]; ones for float32.
 * @property {number} inputs
 * @property {number} outputs
 */

/**
 * @param {import("./device.js").Gpu} gpu
 * @param {import("../bundle/weights.js").WeightStore} weights
 * @param {string} name
 * @param {{inputs: number, outputs: number, transposed: boolean}} shape `transposed`: stored as [in, out]. Stored rows
 *   past `outputs` are left out.
 * @returns {DeviceMatrix}
 */
export function uploadMatrix(gpu, weights, name, shape) {
  const { inputs, outputs } = shape;
  const kind = weights.isInt8(name) ? "int8" : "float32";
  const { values, scales } =
    kind === "int8"
      ? weights.int8(name)
      : { values: weights.float32(name), scales: new Float32Array(outputs).fill(1) };
  return {
    kind,
    inputs,
    outputs,
    values: gpu.upload(name, byOutput(values, shape)),
    scales: gpu.upload(`${name}/scale`, scales.slice(0, outputs)),
  };
}

/**
 * @param {import("./device.js").Gpu} gpu
 * @param {import("../bundle/weights.js").WeightStore} weights
 * @param {string} name
 */
export function uploadVector(gpu, weights, name) {
  return gpu.upload(name, weights.float32(name));
}

/**
 * @template {Int8Array | Float32Array} T
 * @param {T} values [in, out] when transposed, else [out or more, in].
 * @param {{inputs: number, outputs: number, transposed: boolean}} shape
 * @returns {T} [out, padded in]
 */
export function byOutput(values, { inputs, outputs, transposed }) {
  const stride = padded(inputs);
  const Kind = /** @type {{new (length: number): T}} */ (values.constructor);
  const rows = new Kind(outputs * stride);
  if (!transposed) {
    for (let row = 0; row < outputs; row++)
      rows.set(values.subarray(row * inputs, (row + 1) * inputs), row * stride);
    return rows;
  }
  const BLOCK = 64; // both sides of a block fit the processor's cache
  for (let from = 0; from < outputs; from += BLOCK) {
    const to = Math.min(outputs, from + BLOCK);
    for (let column = 0; column < inputs; column++) {
      for (let row = from; row < to; row++) rows[row * stride + column] = values[column * outputs + row];
    }
  }
  return rows;
}
