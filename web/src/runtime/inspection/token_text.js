/** What a single token is, in letters or in bytes. */

/**
 * @param {import("../writing/tokenizer.js").Tokenizer} tokenizer
 * @param {number} id
 * @returns {{id: number, text: string, bytes: boolean}} Of one that is no whole characters its bytes, <0xE4> each.
 */
export function tokenText(tokenizer, id) {
  const piece = tokenizer.pieces?.[id];
  if (!piece) return { id, text: tokenizer.decode([id]), bytes: false };
  try {
    return { id, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(piece), bytes: false };
  } catch {
    const hex = (/** @type {number} */ byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    return { id, text: Array.from(piece, hex).join(""), bytes: true };
  }
}
