/** What can be read off the logits of one place: pure functions. */

import { topIds } from "../writing/sampler.js";

/** @param {Float32Array} logits */
export function logSumExp(logits) {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/**
 * How likely a token is, and how many are likelier.
 *
 * @param {Float32Array} logits
 * @param {number} id
 * @returns {{logProbability: number, rank: number}} The rank from 1; of equally likely ones the lower id comes first.
 */
export function place(logits, id) {
  const own = logits[id];
  let rank = 1;
  for (let other = 0; other < logits.length; other++) {
    if (logits[other] > own || (logits[other] === own && other < id)) rank++;
  }
  return { logProbability: own - logSumExp(logits), rank };
}

/**
 * @param {Float32Array} logits
 * @param {number} count
 * @returns {{ids: Uint32Array, probabilities: Float32Array}} The likeliest, likeliest first.
 */
export function likeliest(logits, count) {
  const total = logSumExp(logits);
  const ids = topIds(logits, Math.min(count, logits.length));
  return { ids, probabilities: Float32Array.from(ids, (id) => Math.exp(logits[id] - total)) };
}

/**
 * Where the window began that the model saw when it wrote a token: `Writer`'s policy.
 *
 * @param {number} promptLength
 * @param {number} position Of the token, after the prompt or in it.
 * @param {number} contextLength
 */
export function windowStart(promptLength, position, contextLength) {
  if (position < promptLength) return Math.max(0, position - contextLength);
  let start = Math.max(0, promptLength - contextLength);
  for (let end = promptLength; end <= position; end++) {
    if (end - start > contextLength) start = end - Math.max(1, contextLength >> 1);
  }
  return start;
}
