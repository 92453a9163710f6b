/** The worker that computes on the graphics card through WebGL 2. */

import "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";
import { createEngine } from "./engine.js";
import { StockDecoder } from "./tfjs/stock_decoder.js";
import { memory } from "./tfjs/tfjs_memory.js";
import { Trouble } from "./trouble.js";

async function start(/** @type {(detail: string) => void} */ onLost) {
  // Safari has no WebGL in a worker.
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(1, 1) : null;
  if (!canvas?.getContext("webgl2")) throw new Trouble("backend_failed", "no WebGL 2 in a worker");
  if (!(await tf.setBackend("webgl"))) throw new Trouble("backend_failed", "webgl");
  await tf.ready();
  const { gpgpu } = /** @type {any} */ (tf.backend());
  gpgpu?.gl?.canvas?.addEventListener?.("webglcontextlost", () => onLost("WebGL context lost"));
  return { simd: true };
}

/** @type {import("./engine.js").Backend["createDecoder"]} */
async function createDecoder(config, weights, vocabularySize) {
  return new StockDecoder(config, weights, vocabularySize);
}

const backend = { name: "webgl", start, createDecoder, memory };
const handle = createEngine(backend, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
