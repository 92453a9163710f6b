/** Room that the attention kernel needs, in words of four bytes. Layouts: src/kernels/attention.ts. */

// Keys and values lie in parts of so many positions, which begin a part even if they do not fill it.
const PART = 32;
const VECTOR = 8; // int16 numbers of a row come in groups of so many

const groups = (/** @type {number} */ count, /** @type {number} */ size) => Math.ceil(count / size) * size;

/**
 * Keys of all heads, or values.
 *
 * @param {number} length Positions that there is room for.
 * @param {number} heads
 * @param {number} depth Of a head.
 */
export function cacheWords(length, heads, depth) {
  return groups(length, PART) * heads * (groups(depth, VECTOR) / 2 + 1);
}

/**
 * What one call works with: for each head a score a position, a query, sums of values, a factor.
 *
 * @param {number} length Positions up to the last token.
 * @param {number} heads
 * @param {number} depth Of a head.
 */
export function scratchWords(length, heads, depth) {
  return heads * (groups(length, PART) + groups(depth, VECTOR) * 1.5 + 1);
}
