/** What WebGPU computes on the way, brought back: for a look inside, never while writing. */

import { CHUNK_ROWS } from "./gpu_model.js";
import { padded } from "./wgsl.js";

const BLOCK = 7; // dispatches a layer, after the one of the embedding
const QKV = 1; // which of them has put out the queries

/**
 * `trace` of runtime/decoder.js.
 *
 * @param {import("./gpu_decoder.js").GpuDecoder} decoder
 * @param {number[]} ids
 * @param {import("../decoder.js").Watch} watch
 * @param {() => Promise<boolean>} stopped
 */
export async function trace(decoder, ids, watch, stopped) {
  const { gpu, model } = decoder;
  const { n_embd: width, n_layer: layers } = model.config;
  const stride = padded(width);
  const piece = CHUNK_ROWS * stride * 4;
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = gpu.device.createBuffer({ label: "trace", size: (2 * layers + 1) * piece, usage });
  const queries = Array.from({ length: layers }, () => new Float32Array(ids.length * width));
  decoder.reset();
  try {
    for (let start = 0; start < ids.length; start += CHUNK_ROWS) {
      const part = ids.slice(start, start + CHUNK_ROWS);
      decoder.submitPart(part, 0, (encoder) => encodeWatched(encoder, decoder, part.length, staging, piece));
      const values = new Float32Array(await gpu.read(staging, staging.size));
      const rows = (/** @type {number} */ place) =>
        unpad(values.subarray((place * piece) / 4), part.length, width, stride);
      for (let layer = 0; layer <= layers; layer++) watch("state", layer, start, rows(layer));
      for (let layer = 0; layer < layers; layer++) queries[layer].set(rows(layers + 1 + layer), start * width);
      if (await stopped()) return false;
    }
  } finally {
    staging.destroy();
  }
  for (let layer = 0; layer < layers; layer++) {
    watch("projections", layer, 0, await joined(decoder, layer, queries[layer], ids.length));
  }
  return true;
}

/** All dispatches, and copies between them: states first, then queries. */
function encodeWatched(
  /** @type {GPUCommandEncoder} */ encoder,
  /** @type {import("./gpu_decoder.js").GpuDecoder} */ { model },
  /** @type {number} */ rows,
  /** @type {GPUBuffer} */ staging,
  /** @type {number} */ piece,
) {
  const form = rows === 1 ? "one" : "many";
  const layers = model.caches.length;
  for (const [place, operation] of model.layers.entries()) {
    const pass = encoder.beginComputePass();
    const { pipeline, group, workgroups } = operation[form];
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...workgroups(rows));
    pass.end();
    if (place % BLOCK === 0) encoder.copyBufferToBuffer(model.x, 0, staging, (place / BLOCK) * piece, piece);
    if (place && (place - 1) % BLOCK === QKV) {
      const layer = (place - 1 - QKV) / BLOCK;
      encoder.copyBufferToBuffer(model.query, 0, staging, (layers + 1 + layer) * piece, piece);
    }
  }
}

/** [n, 3 D] from the queries and a layer's cache: keys [D, C], then values [C, D]. */
async function joined(
  /** @type {import("./gpu_decoder.js").GpuDecoder} */ { gpu, model },
  /** @type {number} */ layer,
  /** @type {Float32Array} */ queries,
  /** @type {number} */ count,
) {
  const { n_embd: width } = model.config;
  const cache = model.caches[layer];
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = gpu.device.createBuffer({ label: "cache", size: cache.size, usage });
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(cache, 0, staging, 0, cache.size);
  gpu.device.queue.submit([encoder.finish()]);
  const stored = new Float32Array(await gpu.read(staging, cache.size));
  staging.destroy();
  const result = new Float32Array(count * 3 * width);
  for (let row = 0; row < count; row++) {
    const at = row * 3 * width;
    result.set(queries.subarray(row * width, (row + 1) * width), at);
    for (let i = 0; i < width; i++) result[at + width + i] = stored[i * model.context + row];
    const values = model.context * width + row * width;
    result.set(stored.subarray(values, values + width), at + 2 * width);
  }
  return result;
}

function unpad(
  /** @type {Float32Array} */ values,
  /** @type {number} */ rows,
  /** @type {number} */ width,
  /** @type {number} */ stride,
) {
  const result = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) result.set(values.subarray(row * stride, row * stride + width), row * width);
  return result;
}
