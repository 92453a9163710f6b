/** The worker that computes with the kernels and several threads, on a page that is isolated from others. */

import { createEngine } from "./engine.js";
import { home } from "./home.js";
import { SharedMemory } from "./threads/shared_memory.js";
import { ThreadDecoder } from "./threads/thread_decoder.js";
import { Trouble } from "./trouble.js";

const KERNELS = new URL("kernels_shared.wasm", home()).href;

/** @type {WebAssembly.Module} */
let module;
/** @type {SharedMemory} */
let memory;
/** @type {ThreadDecoder} */
let decoder;
/** @type {number | null} */
let forced = null;
let weightsStart = 0;

async function start(/** @type {unknown} */ _, /** @type {string} */ __, /** @type {number | null} */ threads) {
  if (!globalThis.crossOriginIsolated) throw new Trouble("backend_failed", "not isolated: no threads");
  forced = threads;
  try {
    memory = new SharedMemory();
    module = await WebAssembly.compileStreaming(fetch(KERNELS));
  } catch (error) {
    throw new Trouble("backend_failed", String(error));
  }
  return { simd: true };
}

function allocate(/** @type {number} */ bytes, /** @type {import("./bundle/bundle.js").BundleIndex} */ index) {
  if (index.dtype !== "int8") throw new Trouble("backend_failed", `weights are ${index.dtype}`);
  weightsStart = memory.take(bytes);
  return () => memory.bytes(weightsStart, bytes);
}

async function createDecoder(
  /** @type {import("./decoder.js").ModelConfig} */ config,
  /** @type {import("./bundle/weights.js").WeightStore} */ weights,
  /** @type {number} */ vocabularySize,
) {
  decoder = new ThreadDecoder(config, weights, memory, weightsStart, module, vocabularySize);
  await decoder.gather(forced);
  return decoder;
}

const backend = {
  name: "threads",
  start,
  allocate,
  createDecoder,
  threads: () => decoder.threads,
  memory: () => ({ numTensors: 0, numBytes: memory.end }),
};
const handle = createEngine(backend, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
