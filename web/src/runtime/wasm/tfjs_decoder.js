/** The kernels' decoder on TensorFlow.js: its tensors are the memory, and a step is one kernel of its wasm backend. */

import * as tf from "@tensorflow/tfjs-core";
import { KernelDecoder } from "../kernels/kernel_decoder.js";
import { makePlan } from "../kernels/plan.js";
import { Step } from "../kernels/step.js";
import { runEmpty, runStep } from "./kernels.js";

const WORD = 4;

export class TfjsDecoder extends KernelDecoder {
  /**
   * @param {import("../stock_decoder.js").ModelConfig} config
   * @param {import("../weights.js").WeightStore} weights
   * @param {tf.Tensor} bytes The weights' bytes; this decoder's to dispose of.
   * @param {import("./kernels.js").Kernels} kernels
   * @param {number} vocabularySize Ids from here on get no logits.
   * @throws {import("../trouble.js").Trouble} "bundle_damaged", or "out_of_memory" as a RangeError.
   */
  constructor(config, weights, bytes, { memory, functions }, vocabularySize) {
    /** @type {tf.Tensor[]} */
    const rooms = [];
    const take = (/** @type {number} */ size) => {
      const room = tf.keep(runEmpty(Math.ceil(size / WORD)));
      rooms.push(room);
      return memory.address(room);
    };
    super(config, weights, makePlan(config, weights, memory.address(bytes), take, vocabularySize, 1), memory);
    this.name = "kernels";
    this.bytes = bytes;
    this.rooms = rooms;
    this.kernels = new Step(functions, this.plan);
  }

  dispose() {
    tf.dispose([this.bytes, this.rooms]);
  }

  /** @override @protected */
  async step(/** @type {number} */ n) {
    const logits = runStep(this.bytes, { step: this.kernels, n, position: this.length });
    const values = /** @type {Float32Array} */ (await logits.data());
    logits.dispose();
    return values;
  }
}
