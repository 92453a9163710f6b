/**
 * GPT-2's kernels (src/kernels) as kernels of TensorFlow.js's wasm backend: they work in place on its tensors. Weights lie
 * as in the bundle in one int32 tensor; where in it is said in bytes.
 *
 * Shapes: n tokens, D width.
 */

import * as tf from "@tensorflow/tfjs-core";
import { scratchWords } from "../attention_room.js";
import { TfjsWasmMemory } from "./tfjs_wasm_memory.js";

const FILE = "kernels.wasm";
const TILE_OUTPUTS = 32;
const VECTOR = 8; // int16 activations come in groups of so many
const EXPORTS = ["attend", "gelu", "layerNorm", "multiply", "quantise"];

/**
 * @typedef {tf.TensorInfo} TensorInfo
 * @typedef {{tiles: number, scales: number, bias: number | null, outputs: number}} LinearPlace Bytes within the weights.
 * @typedef {Record<string, (...values: number[]) => void>} Functions
 */

/**
 * Compiles the module and registers its kernels.
 *
 * @param {(file: string) => Promise<ArrayBuffer>} read
 * @returns {Promise<TfjsWasmMemory>}
 * @throws {Error} When the module, or the backend it works on, is not as expected.
 */
export async function registerKernels(read) {
  const memory = TfjsWasmMemory.connect();
  const { instance } = await WebAssembly.instantiate(await read(FILE), { env: { memory: memory.memory } });
  const functions = /** @type {Functions} */ (/** @type {unknown} */ (instance.exports));
  const missing = EXPORTS.filter((name) => typeof functions[name] !== "function");
  if (missing.length) throw new Error(`${FILE} lacks ${missing}`);
  const kernels = {
    Gpt2Empty: (/** @type {any} */ _, /** @type {any} */ { shape, dtype }) => memory.empty(shape, dtype),
    Gpt2LayerNorm: layerNorm,
    Gpt2Linear: linear,
    Gpt2Attention: attention,
    Gpt2Gelu: gelu,
  };
  for (const [kernelName, run] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: "wasm",
      kernelFunc: ({ inputs, attrs }) => run(inputs, attrs, memory, functions),
    });
  }
  return memory;
}

/** @returns {tf.Tensor} */
function run(/** @type {string} */ name, /** @type {any} */ inputs, /** @type {any} */ attributes) {
  return /** @type {tf.Tensor} */ (tf.engine().runKernel(name, inputs, attributes));
}

/**
 * A tensor of any content.
 *
 * @param {number[]} shape
 * @param {"float32" | "int32"} dtype
 */
export const runEmpty = (shape, dtype) => run("Gpt2Empty", {}, { shape, dtype });

/**
 * Layer normalisation of x [n, D].
 *
 * @param {tf.Tensor} x
 * @param {tf.Tensor} weights
 * @param {{weight: number, bias: number, epsilon: number}} place
 */
export const runLayerNorm = (x, weights, place) => run("Gpt2LayerNorm", { x, weights }, place);

/**
 * x [n, in] times an int8 matrix, plus bias, plus residual [n, out] where there is one: [n, out].
 *
 * @param {tf.Tensor} x
 * @param {tf.Tensor} weights
 * @param {LinearPlace} place
 * @param {tf.Tensor} [residual]
 */
export const runLinear = (x, weights, place, residual) =>
  run("Gpt2Linear", residual ? { x, weights, residual } : { x, weights }, place);

/**
 * Causal attention; keys and values (runtime/attention_room.js) take up those of the new tokens in place.
 *
 * @param {tf.Tensor} qkv [n, 3 * D]
 * @param {tf.Tensor} keys
 * @param {tf.Tensor} values
 * @param {{position: number, heads: number}} attributes Position of the first of the n tokens.
 * @returns {tf.Tensor} [n, D]
 */
export const runAttention = (qkv, keys, values, attributes) =>
  run("Gpt2Attention", { qkv, keys, values }, attributes);

/** GELU in its tanh form. */
export const runGelu = (/** @type {tf.Tensor} */ x) => run("Gpt2Gelu", { x }, {});

/** @returns {TensorInfo} */
function layerNorm(
  /** @type {Record<string, TensorInfo>} */ { x, weights },
  /** @type {{weight: number, bias: number, epsilon: number}} */ { weight, bias, epsilon },
  /** @type {TfjsWasmMemory} */ memory,
  /** @type {Functions} */ functions,
) {
  const [n, width] = x.shape;
  const out = memory.empty(x.shape, "float32");
  const base = memory.address(weights);
  functions.layerNorm(memory.address(x), base + weight, base + bias, memory.address(out), n, width, epsilon);
  return out;
}

/** @returns {TensorInfo} */
function linear(
  /** @type {Record<string, TensorInfo>} */ { x, weights, residual },
  /** @type {LinearPlace} */ { tiles, scales, bias, outputs },
  /** @type {TfjsWasmMemory} */ memory,
  /** @type {Functions} */ functions,
) {
  const [n, inputs] = x.shape;
  const stride = Math.ceil(inputs / VECTOR) * VECTOR;
  const out = memory.empty([n, outputs], "float32");
  const rounded = memory.empty([(n * stride) / 2 + n], "int32"); // int16 rows, then their scales
  const values = memory.address(rounded);
  const valueScales = values + n * stride * 2;
  const base = memory.address(weights);
  functions.quantise(memory.address(x), values, valueScales, n, inputs, stride);
  functions.multiply(
    values,
    valueScales,
    n,
    stride,
    inputs,
    base + tiles,
    base + scales,
    bias === null ? 0 : base + bias,
    residual ? memory.address(residual) : 0,
    memory.address(out),
    outputs,
    0,
    Math.ceil(outputs / TILE_OUTPUTS),
  );
  memory.free(rounded);
  return out;
}

/** @returns {TensorInfo} */
function attention(
  /** @type {Record<string, TensorInfo>} */ { qkv, keys, values },
  /** @type {{position: number, heads: number}} */ { position, heads },
  /** @type {TfjsWasmMemory} */ memory,
  /** @type {Functions} */ functions,
) {
  const [n, width] = [qkv.shape[0], qkv.shape[1] / 3];
  const depth = width / heads;
  const out = memory.empty([n, width], "float32");
  const scratch = memory.empty([scratchWords(position + n, heads, depth)], "float32");
  functions.attend(
    memory.address(qkv),
    memory.address(keys),
    memory.address(values),
    memory.address(out),
    memory.address(scratch),
    n,
    position,
    heads,
    depth,
    0,
    heads,
  );
  memory.free(scratch);
  return out;
}

/** @returns {TensorInfo} */
function gelu(
  /** @type {Record<string, TensorInfo>} */ { x },
  /** @type {unknown} */ _,
  /** @type {TfjsWasmMemory} */ memory,
  /** @type {Functions} */ functions,
) {
  const out = memory.empty(x.shape, "float32");
  functions.gelu(memory.address(x), memory.address(out), x.shape[0] * x.shape[1]);
  return out;
}
