/** The worker that computes with WebAssembly, with SIMD where the browser has it. */

import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { createEngine } from "./engine.js";
import { Trouble } from "./trouble.js";

async function start() {
  if (typeof WebAssembly !== "object") throw new Trouble("no_webassembly");
  setWasmPaths(new URL(".", globalThis.location.href).href);
  // Threads need cross-origin isolation, and on shared processors they lose: docs/browser.md.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (!(await tf.setBackend("wasm"))) throw new Trouble("backend_failed", "wasm");
  await tf.ready();
  return { simd: Boolean(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) };
}

const handle = createEngine({ name: "wasm", start }, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
