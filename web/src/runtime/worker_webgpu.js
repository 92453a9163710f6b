/** The worker that computes on the graphics card through WebGPU, in shaders of its own: no TensorFlow.js here. */

import { createEngine } from "./engine.js";
import { Gpu } from "./webgpu/device.js";
import { GpuDecoder } from "./webgpu/gpu_decoder.js";

/** @type {Gpu} */
let gpu;

const backend = {
  name: "webgpu",
  async start(/** @type {(detail: string) => void} */ onLost) {
    gpu = await Gpu.open(onLost);
    return { simd: true };
  },
  createDecoder: (
    /** @type {import("./decoder.js").ModelConfig} */ config,
    /** @type {import("./bundle/weights.js").WeightStore} */ weights,
    /** @type {number} */ vocabularySize,
  ) => GpuDecoder.create(gpu, config, weights, vocabularySize),
  memory: () => ({ numTensors: gpu.numBuffers, numBytes: gpu.numBytes }),
};
const handle = createEngine(backend, (message) => globalThis.postMessage(message));
globalThis.onmessage = (/** @type {MessageEvent} */ event) => handle(event.data);
