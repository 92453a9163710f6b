/**
 * GPT-2's kernels (src/kernels) in TensorFlow.js's wasm backend. What they work on are its tensors; since a call through
 * TensorFlow.js costs microseconds, and a token is 123 kernels, it sees a whole step as one kernel.
 */

import * as tf from "@tensorflow/tfjs-core";
import { TfjsWasmMemory } from "./tfjs_wasm_memory.js";

const FILE = "kernels.wasm";
const WORD = 4;
const LINE = 64; // of a processor's cache: a vector that lies on two takes longer to read
const EXPORTS = ["attend", "gelu", "layerNorm", "multiply", "quantise", "topK"];

/**
 * @typedef {import("../int8/step.js").Step} Step
 * @typedef {import("../int8/step.js").Functions} Functions
 * @typedef {{memory: TfjsWasmMemory, functions: Functions}} Kernels
 */

/**
 * Compiles the module and registers its kernels.
 *
 * @param {(file: string) => Promise<ArrayBuffer>} read
 * @returns {Promise<Kernels>}
 * @throws {Error} When the module, or the backend it works on, is not as expected.
 */
export async function registerKernels(read) {
  const memory = TfjsWasmMemory.connect();
  const { instance } = await WebAssembly.instantiate(await read(FILE), { env: { memory: memory.memory } });
  const functions = /** @type {Functions} */ (/** @type {unknown} */ (instance.exports));
  const missing = EXPORTS.filter((name) => typeof functions[name] !== "function");
  if (missing.length) throw new Error(`${FILE} lacks ${missing}`);
  register("Gpt2Empty", (_, { words }) => memory.empty([words], "int32"));
  register("Gpt2Step", (_, { step, n, position }) => {
    const logits = memory.empty([step.plan.head.outputs], "float32");
    step.run(n, position, memory.address(logits));
    return logits;
  });
  register("Gpt2TopK", ({ logits }, { k }) => {
    const out = memory.empty([2, k], "int32");
    const ids = memory.address(out);
    functions.topK(memory.address(logits), logits.shape[0], k, ids, ids + k * WORD);
    return out;
  });
  return { memory, functions };
}

function register(
  /** @type {string} */ kernelName,
  /** @type {(inputs: Record<string, tf.TensorInfo>, attributes: any) => tf.TensorInfo} */ run,
) {
  const kernelFunc = (/** @type {any} */ { inputs, attrs }) => run(inputs, attrs);
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}

/** @returns {tf.Tensor} */
function run(/** @type {string} */ name, /** @type {any} */ inputs, /** @type {any} */ attributes) {
  return /** @type {tf.Tensor} */ (tf.engine().runKernel(name, inputs, attributes));
}

/**
 * Room for bytes of any content, at the start of a line.
 *
 * @param {TfjsWasmMemory} memory
 * @param {number} bytes
 * @returns {{tensor: tf.Tensor, address: number}} The tensor holds the room and is the caller's.
 */
export function takeRoom(memory, bytes) {
  const tensor = run("Gpt2Empty", {}, { words: Math.ceil((bytes + LINE) / WORD) });
  return { tensor, address: Math.ceil(memory.address(tensor) / LINE) * LINE };
}

/**
 * One step; keys, values and what is computed on the way stay in the rooms of its plan.
 *
 * @param {tf.Tensor} weights
 * @param {{step: Step, n: number, position: number}} attributes n tokens, whose embeddings lie in `step.plan.x`; position
 *   of the first.
 * @returns {tf.Tensor} Logits [V] of what follows the last token.
 */
export const runStep = (weights, attributes) => run("Gpt2Step", { weights }, attributes);

/**
 * The k likeliest ids and then their logits, as the kernel `topK` puts them out: [2, k] words.
 *
 * @param {tf.Tensor} logits [V]
 * @param {number} k
 */
export const runTopK = (logits, k) => run("Gpt2TopK", { logits }, { k });
