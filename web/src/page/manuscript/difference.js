/** What a person changed in a text. */

/**
 * The least change that makes one text the other, never through the middle of a character.
 *
 * @param {string} before
 * @param {string} after
 * @returns {{at: number, removed: number, text: string}} In UTF-16 units.
 */
export function difference(before, after) {
  const shorter = Math.min(before.length, after.length);
  let at = 0;
  while (at < shorter && before[at] === after[at]) at++;
  if (at && isHigh(before, at - 1)) at--;
  let end = 0;
  while (end < shorter - at && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  if (end && isLow(before, before.length - end)) end--;
  return { at, removed: before.length - end - at, text: after.slice(at, after.length - end) };
}

const isHigh = (/** @type {string} */ text, /** @type {number} */ at) => (text.charCodeAt(at) & 0xfc00) === 0xd800;
const isLow = (/** @type {string} */ text, /** @type {number} */ at) => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
