/**
 * The decoder on WebGPU: ids go to the device, logits or the likeliest tokens come back, everything else stays there.
 * Interface: `Decoder` of runtime/decoder.js.
 */

import { Trouble } from "../trouble.js";
import { CHUNK_ROWS, GpuModel } from "./gpu_model.js";
import { trace } from "./gpu_trace.js";
import { MAX_CANDIDATES } from "./top_k.js";

const PAIR_BYTES = 8; // an id and its logit

/** @implements {Decoder} */
export class GpuDecoder {
  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {GpuModel} model Loaded.
   * @param {GPUBuffer} candidates
   * @param {import("./gpu_model.js").Dispatch} topK Into `candidates`.
   * @private
   */
  constructor(gpu, model, candidates, topK) {
    this.gpu = gpu;
    this.model = model;
    this.candidates = candidates;
    this.topK = topK;
    this.length = 0;
    this.maxCandidates = MAX_CANDIDATES;
    const bytes = Math.max(model.logits.size, candidates.size);
    this.result = gpu.buffer("result", bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {import("../decoder.js").ModelConfig} config
   * @param {import("../bundle/weights.js").WeightStore} weights
   * @param {number} vocabularySize Of the tokenizer.
   * @throws {Trouble} "backend_failed" where the device cannot hold the model, "out_of_memory".
   */
  static async create(gpu, config, weights, vocabularySize) {
    const model = new GpuModel(gpu, config, vocabularySize);
    await model.load(weights);
    const candidates = gpu.scratch("candidates", MAX_CANDIDATES * PAIR_BYTES);
    return new GpuDecoder(gpu, model, candidates, await model.topK(candidates));
  }

  /** @param {number[]} ids */
  async encode(ids) {
    const bytes = this.model.vocabularySize * 4;
    this.submit(ids, 0, this.model.logits, bytes);
    const logits = new Float32Array(await this.gpu.read(this.result, bytes));
    requireNumbers(logits);
    return logits;
  }

  /**
   * @param {number[]} ids
   * @param {number} wanted
   * @returns {Promise<import("../decoder.js").Candidates>}
   */
  async encodeCandidates(ids, wanted) {
    if (wanted < 1 || wanted > MAX_CANDIDATES) throw new RangeError(`${wanted} candidates`);
    const count = Math.min(wanted, this.model.vocabularySize);
    this.submit(ids, count, this.candidates, count * PAIR_BYTES);
    const content = await this.gpu.read(this.result, count * PAIR_BYTES);
    const pairs = new Uint32Array(content);
    const values = new Float32Array(content);
    const order = Array.from({ length: count }, (_, i) => 2 * i).sort(
      (a, b) => values[b + 1] - values[a + 1] || pairs[a] - pairs[b],
    );
    const logits = Float32Array.from(order, (i) => values[i + 1]);
    requireNumbers(logits);
    return { ids: Uint32Array.from(order, (i) => pairs[i]), logits };
  }

  /** Keys and values are overwritten as a new text comes in. */
  reset() {
    this.length = 0;
  }

  /** @type {NonNullable<Decoder["trace"]>} */
  trace(ids, watch, stopped) {
    return trace(this, ids, watch, stopped);
  }

  /** @param {Float32Array} state */
  async answer(state) {
    const { model, gpu } = this;
    const bytes = model.vocabularySize * 4;
    gpu.device.queue.writeBuffer(model.x, 0, /** @type {Float32Array<ArrayBuffer>} */ (state));
    gpu.device.queue.writeBuffer(model.chunk, 0, new Uint32Array([0, 1, 0, 0]));
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.dispatch(pass, model.head, 1);
    pass.end();
    encoder.copyBufferToBuffer(model.logits, 0, this.result, 0, bytes);
    gpu.device.queue.submit([encoder.finish()]);
    return new Float32Array(await gpu.read(this.result, bytes));
  }

  /**
   * Encodes ids and copies `source` to where it can be read.
   *
   * @private
   * @param {number[]} ids
   * @param {number} candidates 0 when none are wanted.
   * @param {GPUBuffer} source
   * @param {number} bytes
   */
  submit(ids, candidates, source, bytes) {
    if (!ids.length || this.length + ids.length > this.model.context) throw new RangeError(`${ids.length} ids`);
    for (let start = 0; start < ids.length; start += CHUNK_ROWS) {
      const part = ids.slice(start, start + CHUNK_ROWS);
      const last = start + CHUNK_ROWS >= ids.length;
      this.submitPart(part, candidates, (encoder) => {
        const pass = encoder.beginComputePass();
        const form = part.length === 1 ? "one" : "many";
        const layers = this.model.layers.map((operation) => operation[form]);
        const rest = last ? [...this.model.head, ...(candidates ? [this.topK] : [])] : [];
        this.dispatch(pass, [...layers, ...rest], part.length);
        pass.end();
        if (last) encoder.copyBufferToBuffer(source, 0, this.result, 0, bytes);
      });
    }
  }

  /**
   * Sends up to CHUNK_ROWS ids, and what is to be done with them.
   *
   * @param {number[]} part
   * @param {number} candidates 0 when none are wanted.
   * @param {(encoder: GPUCommandEncoder) => void} encode
   */
  submitPart(part, candidates, encode) {
    const { device } = this.gpu;
    device.queue.writeBuffer(this.model.ids, 0, new Uint32Array(part));
    device.queue.writeBuffer(this.model.chunk, 0, new Uint32Array([this.length, part.length, candidates, 0]));
    const encoder = device.createCommandEncoder();
    encode(encoder);
    device.queue.submit([encoder.finish()]);
    this.length += part.length;
  }

  /** @private */
  dispatch(
    /** @type {GPUComputePassEncoder} */ pass,
    /** @type {import("./gpu_model.js").Dispatch[]} */ dispatches,
    /** @type {number} */ rows,
  ) {
    for (const { pipeline, group, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups(rows));
    }
  }
}

/** A shader that did not run leaves zeros and raises no error. */
function requireNumbers(/** @type {Float32Array} */ logits) {
  if (!logits.some((value) => value !== 0) || logits.some(Number.isNaN))
    throw new Trouble("backend_failed", "the graphics card computed nothing");
}

/** @typedef {import("../decoder.js").Decoder} Decoder */
