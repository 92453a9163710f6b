/** Which decoder runs a model in the workers that have TensorFlow.js. */

import * as tf from "@tensorflow/tfjs-core";
import { StockDecoder } from "./stock_decoder.js";

/**
 * @param {import("./decoder.js").ModelConfig} config
 * @param {import("./weights.js").WeightStore} weights
 * @param {number} vocabularySize Of the tokenizer.
 * @returns {Promise<import("./decoder.js").Decoder>}
 */
export async function createDecoder(config, weights, vocabularySize) {
  return new StockDecoder(config, weights, vocabularySize);
}

export function memory() {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes };
}
