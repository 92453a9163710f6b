/**
 * From logits to the next token: repetition penalty, temperature, top-k, top-p, one draw. The order, the ties and the
 * float32 arithmetic are those of tf_gpt2/generation/sampling.py, so that a seed gives the same text there and here.
 */

const { fround } = Math;
// Far below any logit but finite.
const FORBIDDEN = -1e30;
// Up to here the likeliest tokens are found in one pass; beyond, sorting everything is faster.
export const MAX_INSERTION = 128;

/**
 * Keskar et al. 2019, section 4.1, in place, once for each distinct id.
 *
 * @param {Float32Array} logits
 * @param {Iterable<number>} ids What the model sees.
 * @param {number} penalty
 */
export function penaliseRepetition(logits, ids, penalty) {
  if (penalty === 1) return;
  const factor = fround(penalty);
  for (const id of new Set(ids)) logits[id] = logits[id] > 0 ? logits[id] / factor : logits[id] * factor;
}

/**
 * The ids of the k largest logits by falling value, the lower id first among equals; exactly k of them.
 *
 * @param {Float32Array} logits
 * @param {number} k
 * @returns {Uint32Array}
 */
export function topIds(logits, k) {
  if (k > MAX_INSERTION) {
    const ids = Uint32Array.from(logits.keys());
    return ids.sort((a, b) => logits[b] - logits[a] || a - b).subarray(0, k);
  }
  const ids = new Uint32Array(k);
  let count = 0;
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id];
    if (count === k && value <= logits[ids[k - 1]]) continue;
    let place = count < k ? count++ : k - 1;
    for (; place > 0 && logits[ids[place - 1]] < value; place--) ids[place] = ids[place - 1];
    ids[place] = id;
  }
  return ids.subarray(0, count);
}

/**
 * How many of the likeliest tokens a draw looks at.
 *
 * @param {{temperature: number, topK: number}} settings
 * @returns {number} 0 for all.
 */
export function candidateCount({ temperature, topK }) {
  return temperature === 0 ? 1 : topK;
}

/**
 * @param {Float32Array} logits After the penalty.
 * @param {number} random In [0, 1).
 * @param {{temperature: number, topK: number, topP: number}} settings
 * @returns {number} The id.
 */
export function draw(logits, random, settings) {
  const ids = topIds(logits, Math.min(candidateCount(settings) || logits.length, logits.length));
  return drawAmong({ ids, logits: Float32Array.from(ids, (id) => logits[id]) }, random, settings);
}

/**
 * Draws by inverting the cumulative distribution of the candidates.
 *
 * @param {import("../decoder.js").Candidates} candidates As many as `candidateCount` says.
 * @param {number} random In [0, 1).
 * @param {{temperature: number, topP: number}} settings
 * @returns {number} The id.
 */
export function drawAmong({ ids, logits }, random, settings) {
  if (ids.length === 1) return ids[0];
  return ids[choose(cumulate(logits, settings), random)];
}

/**
 * The scale that a draw is made on: candidates weighed by temperature, cut by top-p, their weights added up.
 *
 * @param {Float32Array} logits Of the candidates, by falling value.
 * @param {{temperature: number, topP: number}} settings A temperature above 0.
 * @returns {Float32Array} Up to where each candidate reaches that is kept; the last is the whole.
 */
export function cumulate(logits, { temperature, topP }) {
  const divisor = fround(temperature);
  const highest = fround(logits[0] / divisor);
  const weights = logits.map((logit) => Math.exp(fround(fround(logit / divisor) - highest)));
  const kept = topP >= 1 ? weights.length : nucleus(weights, fround(topP));
  const upTo = new Float32Array(kept);
  let total = 0;
  for (let i = 0; i < kept; i++) upTo[i] = total = fround(total + weights[i]);
  return upTo;
}

/**
 * @param {Float32Array} upTo From `cumulate`.
 * @param {number} random In [0, 1).
 * @returns {number} Which candidate it falls on.
 */
export function choose(upTo, random) {
  const last = upTo.length - 1;
  const wanted = fround(fround(random) * upTo[last]);
  let choice = 0;
  while (choice < last && upTo[choice] <= wanted) choice++;
  return choice;
}

/**
 * Logits with some tokens as unlikely as any can be: they are drawn where nothing else is left.
 *
 * @param {Float32Array} logits
 * @param {Iterable<number>} forbidden
 */
export function without(logits, forbidden) {
  const left = logits.slice();
  for (const id of forbidden) left[id] = FORBIDDEN;
  return left;
}

/** How many candidates reach the share `topP` of the total; the one that reaches it counts. */
function nucleus(/** @type {Float32Array} */ weights, /** @type {number} */ topP) {
  let total = 0;
  for (const weight of weights) total = fround(total + weight);
  const wanted = fround(topP * total);
  let before = 0;
  let kept = 0;
  while (kept < weights.length && before < wanted) before = fround(before + weights[kept++]);
  return Math.max(1, kept);
}
