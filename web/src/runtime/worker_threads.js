/** The worker that computes with the kernels and several threads, on a page that is isolated from others. */

import { WeightStore } from "./bundle/weights.js";
import { createEngine } from "./engine.js";
import { demandWebAssembly, readWasm } from "./program_file.js";
import { roomFor, SharedMemory } from "./threads/shared_memory.js";
import { ThreadDecoder } from "./threads/thread_decoder.js";
import { Trouble } from "./trouble.js";

const KERNELS = "kernels_shared.wasm";

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
  if (!globalThis.crossOriginIsolated) throw new Trouble("not_offered", "not isolated: no threads");
  forced = threads;
  demandWebAssembly();
  const bytes = await readWasm(KERNELS);
  try {
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    throw new Trouble("backend_failed", String(error));
  }
  return { simd: true };
}

/** @type {import("./bundle/room.js").Allocate} */
function allocate(bytes, index, files) {
  if (index.dtype !== "int8") throw new Trouble("not_offered", `weights are ${index.dtype}`);
  const config = JSON.parse(new TextDecoder().decode(files.get("config.json")));
  // Where each weight will lie is known before its bytes are there.
  const coming = /** @type {any} */ ({ length: bytes });
  const weights = new WeightStore({ index, files, weights: () => coming });
  const need = ThreadDecoder.need(config, weights, index.tokenizer.vocabulary_size);
  memory = new SharedMemory(roomFor(bytes) + need);
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
