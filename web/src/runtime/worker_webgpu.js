/** The worker that computes on the graphics card through WebGPU. */

import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import { createEngine } from "./engine.js";
import { Trouble } from "./trouble.js";

async function start(/** @type {(detail: string) => void} */ onLost) {
  // tfjs reads fields of the adapter without asking whether there is one.
  const gpu = /** @type {any} */ (globalThis.navigator).gpu;
  if (!(await gpu?.requestAdapter())) throw new Trouble("backend_failed", "no WebGPU adapter");
  if (!(await tf.setBackend("webgpu"))) throw new Trouble("backend_failed", "webgpu");
  await tf.ready();
  const { device } = /** @type {any} */ (tf.backend());
  device.lost.then((/** @type {any} */ info) => onLost(info.message || info.reason || "device lost"));
  return { simd: true };
}

const handle = createEngine({ name: "webgpu", start }, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
