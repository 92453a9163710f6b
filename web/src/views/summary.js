/** A head in a sentence: what it mostly looks at, over a whole text. Pure functions. */

/**
 * @typedef {import("./source.js").Token} Token
 * @typedef {"before" | "self" | "first" | "same" | "marks" | "near" | "spread"} Pattern
 */

const MARK = /^[\s\p{P}\p{S}]+$/u;
const NEAR = 5;
// Where nothing is far away, looking near says nothing.
const FAR = 3 * NEAR;
const MOSTLY = 0.4;

/**
 * @param {Float32Array} weights [T, T] of one head.
 * @param {Token[]} tokens T of them.
 * @returns {{pattern: Pattern, share: number}} The most telling pattern that has enough of the attention, and how much.
 */
export function patternOf(weights, tokens) {
  const count = tokens.length;
  const sums = { before: 0, self: 0, first: 0, same: 0, marks: 0, near: 0 };
  const isMark = tokens.map(({ text }) => MARK.test(text));
  let rows = 0;
  for (let row = 2; row < count; row++, rows++) {
    for (let column = 0; column <= row; column++) {
      const weight = weights[row * count + column];
      if (column === row - 1) sums.before += weight;
      if (column === row) sums.self += weight;
      if (column === 0) sums.first += weight;
      if (column < row && tokens[column].id === tokens[row].id) sums.same += weight;
      if (column < row && isMark[column]) sums.marks += weight;
      if (row >= FAR && row - column <= NEAR) sums.near += weight;
    }
  }
  sums.near *= rows / Math.max(1, count - FAR);
  const order = /** @type {const} */ (["before", "self", "first", "same", "marks", "near"]);
  const best = order.reduce((a, b) => (sums[b] > sums[a] + (b === "near" ? 0.3 * rows : 0) ? b : a));
  const share = rows ? sums[best] / rows : 0;
  return share >= MOSTLY ? { pattern: best, share } : { pattern: "spread", share };
}

/** @param {Float32Array} attention [H, T, T] @param {number} head @param {number} count T. */
export function headOf(attention, head, count) {
  return attention.subarray(head * count * count, (head + 1) * count * count);
}

/**
 * What some heads together look at from one token, each counted alike.
 *
 * @param {Float32Array} attention [H, T, T]
 * @param {Set<number>} heads Which of them.
 * @param {number} row Of the token.
 * @param {number} count T.
 * @returns {Float32Array} [row + 1]
 */
export function meanOf(attention, heads, row, count) {
  const mean = new Float32Array(row + 1);
  for (const head of heads) {
    const weights = headOf(attention, head, count);
    for (let to = 0; to <= row; to++) mean[to] += weights[row * count + to] / heads.size;
  }
  return mean;
}

/** Whether anything of it is no number. @param {Float32Array} values */
export function hasNaN(values) {
  for (const value of values) if (Number.isNaN(value)) return true;
  return false;
}

/**
 * Which of `most` things someone means.
 *
 * @param {string} typed "1-3, 7", counted from 1; nothing means all.
 * @param {number} most
 * @returns {number[]} From 0, rising; all when there is nothing to be made of it.
 */
export function parseRanges(typed, most) {
  /** @type {Set<number>} */
  const chosen = new Set();
  for (const [, first, last] of typed.matchAll(/(\d+)(?:\s*[-–]\s*(\d+))?/g)) {
    const to = Math.min(most, Number(last ?? first));
    for (let at = Math.max(1, Number(first)); at <= to; at++) chosen.add(at - 1);
  }
  return chosen.size ? [...chosen].sort((a, b) => a - b) : [...Array(most).keys()];
}
