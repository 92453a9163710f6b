/**
 * GPT-2's kernels (src/kernels) in TensorFlow.js's wasm backend. What they work on are its tensors; since a call through
 * TensorFlow.js costs microseconds, and a token is 92 kernels, it sees a whole step as one kernel.
 */

import * as tf from "@tensorflow/tfjs-core";
import { TfjsWasmMemory } from "./tfjs_wasm_memory.js";

const FILE = "kernels.wasm";
const EXPORTS = ["attend", "gelu", "layerNorm", "multiply", "quantise"];

/**
 * @typedef {import("../kernels/step.js").Step} Step
 * @typedef {import("../kernels/step.js").Functions} Functions
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
  const kernels = {
    Gpt2Empty: (/** @type {{words: number}} */ { words }) => memory.empty([words], "int32"),
    Gpt2Step: (/** @type {StepAttributes} */ { step, n, position }) => {
      const logits = memory.empty([step.plan.head.outputs], "float32");
      step.run(n, position, memory.address(logits));
      return logits;
    },
  };
  for (const [kernelName, run] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: "wasm",
      kernelFunc: ({ attrs }) => run(/** @type {any} */ (attrs)),
    });
  }
  return { memory, functions };
}

/** @returns {tf.Tensor} */
function run(/** @type {string} */ name, /** @type {any} */ inputs, /** @type {any} */ attributes) {
  return /** @type {tf.Tensor} */ (tf.engine().runKernel(name, inputs, attributes));
}

/** A tensor of so many int32 words of any content. */
export const runEmpty = (/** @type {number} */ words) => run("Gpt2Empty", {}, { words });

/**
 * One step; keys, values and what is computed on the way stay in the rooms of its plan.
 *
 * @typedef {{step: Step, n: number, position: number}} StepAttributes n tokens, whose embeddings lie in `step.plan.x`;
 *   position of the first.
 *
 * @param {tf.Tensor} weights That the plan's addresses are in.
 * @param {StepAttributes} attributes
 * @returns {tf.Tensor} Logits [V] of what follows the last token.
 */
export const runStep = (weights, attributes) => run("Gpt2Step", { weights }, attributes);
