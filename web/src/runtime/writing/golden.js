/** The self-check at load: what the bundle's exporter computed with Keras must come out here too. */

import { Trouble } from "../trouble.js";
import { topIds } from "./sampler.js";

export const TOLERANCE = 1e-3;

/**
 * @param {{prompt: string, prompt_ids: number[], logits: string, greedy_ids: number[]}} golden
 * @param {import("../decoder.js").Decoder} decoder Left empty.
 * @param {import("./tokenizer.js").Tokenizer} tokenizer
 * @returns {Promise<number>} The largest difference of a logit.
 * @throws {Trouble} "golden_mismatch"
 */
export async function checkGolden(golden, decoder, tokenizer) {
  const ids = tokenizer.encode(golden.prompt).slice(0, golden.prompt_ids.length);
  if (ids.join() !== golden.prompt_ids.join()) throw new Trouble("golden_mismatch", "tokenizer");
  decoder.reset();
  if (ids.length > 1) await decoder.encode(ids.slice(0, -1));
  const logits = await decoder.encode(ids.slice(-1));
  const expected = decodeFloats(golden.logits);
  let maxError = expected.length === logits.length ? 0 : Number.POSITIVE_INFINITY;
  let largest = 1;
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    maxError = Math.max(maxError, Math.abs(logits[i] - value)); // NaN stays NaN, and fails below
  }
  if (!(maxError <= TOLERANCE * largest)) throw new Trouble("golden_mismatch", `logits differ by ${maxError}`);
  let best = topIds(logits, 1)[0];
  for (const [i, id] of golden.greedy_ids.entries()) {
    if (best !== id) throw new Trouble("golden_mismatch", `greedy token ${i} is ${best} and not ${id}`);
    if (i + 1 < golden.greedy_ids.length) best = await likeliest(decoder, id);
  }
  decoder.reset();
  return maxError;
}

/** What follows a token, by the way that writing takes. */
async function likeliest(/** @type {import("../decoder.js").Decoder} */ decoder, /** @type {number} */ id) {
  if (decoder.encodeCandidates) return (await decoder.encodeCandidates([id], 1)).ids[0];
  return topIds(await decoder.encode([id]), 1)[0];
}

/** Little-endian float32 numbers in base64. */
export function decodeFloats(/** @type {string} */ base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
