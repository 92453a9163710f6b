/** Which decoder runs a model. */

import { StockDecoder } from "./stock_decoder.js";

/**
 * @param {import("./stock_decoder.js").ModelConfig} config
 * @param {import("./weights.js").WeightStore} weights
 * @param {number} vocabularySize Of the tokenizer.
 * @returns {import("./stock_decoder.js").Decoder}
 */
export function createDecoder(config, weights, vocabularySize) {
  return new StockDecoder(config, weights, vocabularySize);
}
