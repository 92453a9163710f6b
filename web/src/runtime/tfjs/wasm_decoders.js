/** Which decoder runs a model on WebAssembly: the kernels where they work and win, else TensorFlow.js's operations. */

import * as tf from "@tensorflow/tfjs-core";
import { StockDecoder } from "./stock_decoder.js";
import { TfjsDecoder } from "./tfjs_decoder.js";
import { registerKernels, takeRoom } from "./tfjs_kernels.js";

// A clock in a page may tick in tenths of a millisecond: a product is timed so many times at once, and the best of
// some rounds counts, since anything may run beside it.
const CALLS = 10;
const ROUNDS = 3;
const TICK = 0.2;

/**
 * @typedef {import("../decoder.js").Decoder} Decoder
 * @typedef {import("../bundle/weights.js").WeightStore} WeightStore
 */

export class WasmDecoders {
  constructor() {
    /** @type {import("./tfjs_kernels.js").Kernels | null} */
    this.kernels = null;
    /** @type {ReturnType<typeof takeRoom> | null} The weights as the bundle has them. */
    this.bytes = null;
    /** Why the kernels are not used; empty when they are, or not wanted. */
    this.passedOver = "";
  }

  /**
   * Makes the kernels ready; where that fails the page goes on without.
   *
   * @param {boolean} simd Whether the browser has WebAssembly's vector instructions.
   * @param {(file: string) => Promise<ArrayBuffer>} read
   */
  async connect(simd, read) {
    try {
      if (!simd) throw new Error("no WebAssembly SIMD");
      this.kernels = await registerKernels(read);
    } catch (error) {
      this.passedOver = reason(error);
    }
  }

  /**
   * Where the kernels may run, the weights are loaded straight into the memory they work in.
   *
   * @param {number} bytes
   * @param {import("../bundle/index_file.js").BundleIndex} index
   * @returns {() => import("../bundle/bundle.js").Bytes}
   */
  allocate(bytes, index) {
    const { kernels } = this;
    if (!kernels || index.dtype !== "int8") {
      this.passedOver ||= kernels ? reason(`weights are ${index.dtype}`) : "";
      const room = new Uint8Array(bytes);
      return () => room;
    }
    const { memory } = kernels;
    this.bytes = takeRoom(memory, bytes);
    const start = this.bytes.address;
    return () => memory.bytes.subarray(start, start + bytes);
  }

  /**
   * @param {import("../decoder.js").ModelConfig} config
   * @param {WeightStore} weights
   * @param {number} vocabularySize Of the tokenizer.
   * @param {(decoder: Decoder) => Promise<void>} check Throws when the decoder computes something else than Keras.
   * @returns {Promise<Decoder>}
   */
  async createDecoder(config, weights, vocabularySize, check) {
    const { bytes, kernels } = this;
    if (!bytes || !kernels) return new StockDecoder(config, weights, vocabularySize);
    const decoder = new TfjsDecoder(config, weights, bytes, kernels, vocabularySize);
    try {
      await check(decoder);
      const { ours, theirs } = tf.tidy(() => timeProduct(decoder, weights, "h.0.attn.c_proj.weight"));
      if (ours < theirs * 1.5 + TICK) return decoder;
      this.passedOver = reason(`slower, ${ours.toFixed(2)} ms for ${theirs.toFixed(2)} ms`);
    } catch (error) {
      this.passedOver = reason(error);
    }
    const stock = new StockDecoder(config, weights, vocabularySize);
    decoder.dispose();
    return stock;
  }
}

/** For the maintainer who reads the page's facts. */
function reason(/** @type {unknown} */ error) {
  return `no kernels: ${error instanceof Error ? error.message : error}`;
}

/** Milliseconds of the smallest product of a layer, both ways: the others take more memory and say the same. */
function timeProduct(
  /** @type {TfjsDecoder} */ { kernels, plan },
  /** @type {WeightStore} */ weights,
  /** @type {string} */ name,
) {
  const { inputs, outputs } = weights.tiles(name);
  const x = tf.ones([1, inputs]);
  const matrix = tf.tensor2d(weights.float32(name), [inputs, outputs]);
  return {
    ours: best(() => kernels.multiply(plan.layers[0].project, 1, plan.narrow)),
    theirs: best(() => tf.matMul(x, matrix).dispose()),
  };
}

function best(/** @type {() => void} */ product) {
  product(); // what runs for the first time is compiled
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let call = 0; call < CALLS; call++) product();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}
