/** Where everything lies that a step works with. */

import { Trouble } from "../trouble.js";
import { cacheWords, scratchWords } from "./attention_room.js";
import { Places } from "./places.js";
import { rowStride } from "./step.js";

// Tokens of a prompt that are encoded at once; room for their work is small beside the weights.
export const ROWS = 64;
const WORD = 4;
const INT16 = 2;

/**
 * @param {import("../decoder.js").ModelConfig} config
 * @param {import("../bundle/weights.js").WeightStore} weights
 * @param {number} start Address of the weights' bytes.
 * @param {(bytes: number) => number} take Gives room, of any content, for good.
 * @param {number} vocabularySize Ids from here on get no logits.
 * @param {number} threads That compute a step together at most.
 * @returns {import("./step.js").Plan}
 * @throws {Trouble} "bundle_damaged", or a RangeError out of memory.
 */
export function makePlan(config, weights, start, take, vocabularySize, threads) {
  const { n_layer: layers, n_embd: width, n_head: heads, n_positions: contextLength } = config;
  if (width % heads) throw new Trouble("bundle_damaged", `${heads} heads do not divide a width of ${width}`);
  const depth = width / heads;
  const places = new Places(weights, width, start);
  const cache = () => take(cacheWords(contextLength, heads, depth) * WORD);
  const blocks = Array.from({ length: layers }, (_, index) => places.block(`h.${index}.`));
  const inner = blocks[0].expand.outputs;
  const tied = config.tie_word_embeddings ?? true;
  return {
    width,
    inner,
    heads,
    epsilon: config.layer_norm_epsilon ?? 1e-5,
    layers: blocks.map((block) => ({ ...block, keys: cache(), values: cache() })),
    finalNorm: places.norm("ln_f"),
    head: places.head(tied ? "wte.weight" : "lm_head.weight", vocabularySize),
    x: take(ROWS * width * WORD),
    logits: take(vocabularySize * WORD),
    wide: take(ROWS * Math.max(3 * width, inner) * WORD),
    narrow: take(ROWS * width * WORD),
    rounded: take(ROWS * rowStride(Math.max(width, inner)) * INT16),
    roundedScales: take(ROWS * WORD),
    scratch: Array.from({ length: threads }, () => take(scratchWords(contextLength, heads, depth) * WORD)),
  };
}
