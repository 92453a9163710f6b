/** The worker that computes with WebAssembly, with SIMD where the browser has it. */

import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { createEngine } from "./engine.js";
import { home } from "./home.js";
import { memory } from "./tfjs/tfjs_memory.js";
import { WasmDecoders } from "./tfjs/wasm_decoders.js";
import { Trouble } from "./trouble.js";

const decoders = new WasmDecoders();

async function start(/** @type {unknown} */ _, /** @type {string} */ wanted) {
  if (typeof WebAssembly !== "object") throw new Trouble("no_webassembly");
  setWasmPaths(new URL(".", home()).href);
  // Threads need cross-origin isolation, and on shared processors they lose: docs/page.md.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (!(await tf.setBackend("wasm"))) throw new Trouble("backend_failed", "wasm");
  await tf.ready();
  const simd = Boolean(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"));
  if (wanted === "kernels") await decoders.connect(simd, read);
  return { simd };
}

async function read(/** @type {string} */ file) {
  const response = await fetch(new URL(file, home()));
  if (!response.ok) throw new Error(`${file}: HTTP ${response.status}`);
  return response.arrayBuffer();
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
