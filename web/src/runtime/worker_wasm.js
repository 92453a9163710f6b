/** The worker that computes with WebAssembly, with SIMD where the browser has it. */

import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { createEngine } from "./engine.js";
import { home } from "./home.js";
import { demandWebAssembly, readWasm } from "./program_file.js";
import { memory } from "./tfjs/tfjs_memory.js";
import { WasmDecoders } from "./tfjs/wasm_decoders.js";
import { Trouble } from "./trouble.js";

const decoders = new WasmDecoders();

async function start(/** @type {unknown} */ _, /** @type {string} */ wanted) {
  demandWebAssembly();
  // Threads need cross-origin isolation, and on shared processors they lose: docs/page.md.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const simd = Boolean(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"));
  await giveBytes(simd ? "tfjs-backend-wasm-simd.wasm" : "tfjs-backend-wasm.wasm");
  if (!(await tf.setBackend("wasm"))) throw new Trouble("backend_failed", "wasm");
  await tf.ready();
  if (wanted === "kernels") await decoders.connect(simd, readWasm);
  return { simd };
}

/** Has TensorFlow.js take what was read here: left to itself it waits forever for a file that is not as it should be. */
async function giveBytes(/** @type {string} */ file) {
  const bytes = await readWasm(file);
  if (!WebAssembly.validate(bytes)) throw new Trouble("program_missing", file);
  /** @type {any} */ (tf.env().platform).fetch = async () => new Response(bytes);
  setWasmPaths(new URL(".", home()).href, true);
}

const backend = {
  name: "wasm",
  start,
  allocate: decoders.allocate.bind(decoders),
  createDecoder: decoders.createDecoder.bind(decoders),
  passedOver: () => decoders.passedOver,
  memory,
};
const handle = createEngine(backend, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
