/** The kernels' decoder on TensorFlow.js: its tensors are the memory, and a step is one kernel of its wasm backend. */

import * as tf from "@tensorflow/tfjs-core";
import { asCandidates, KernelDecoder } from "../int8/kernel_decoder.js";
import { makePlan } from "../int8/plan.js";
import { Step } from "../int8/step.js";
import { runStep, runTopK, takeRoom } from "./tfjs_kernels.js";

export class TfjsDecoder extends KernelDecoder {
  /**
   * @param {import("../decoder.js").ModelConfig} config
   * @param {import("../bundle/weights.js").WeightStore} weights
   * @param {{tensor: tf.Tensor, address: number}} bytes The weights; their tensor is this decoder's to dispose of.
   * @param {import("./tfjs_kernels.js").Kernels} kernels
   * @param {number} vocabularySize Ids from here on get no logits.
   * @throws {import("../trouble.js").Trouble} "bundle_damaged", or "out_of_memory" as a RangeError.
   */
  constructor(config, weights, bytes, { memory, functions }, vocabularySize) {
    /** @type {tf.Tensor[]} */
    const rooms = [];
    const take = (/** @type {number} */ size) => {
      const { tensor, address } = takeRoom(memory, size);
      rooms.push(tf.keep(tensor));
      return address;
    };
    super(config, weights, makePlan(config, weights, bytes.address, take, vocabularySize, 1), memory);
    this.name = "kernels";
    this.bytes = bytes.tensor;
    this.rooms = rooms;
    this.kernels = new Step(functions, this.plan);
  }

  dispose() {
    tf.dispose([this.bytes, this.rooms]);
  }

  /** @override @protected */
  alone() {
    return this.kernels;
  }

  /** @override @protected */
  async step(/** @type {number} */ n, /** @type {boolean} */ _, /** @type {number} */ k) {
    const outcome = tf.tidy(() => {
      const logits = runStep(this.bytes, { step: this.kernels, n, position: this.length });
      return k ? runTopK(logits, k) : logits;
    });
    const values = await outcome.data();
    outcome.dispose();
    return k ? asCandidates(/** @type {Int32Array} */ (values)) : /** @type {Float32Array} */ (values);
  }
}
