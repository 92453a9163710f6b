/** How tokens are written where each needs a name of its own: pure functions. */

/** @typedef {import("./source.js").Token} Token */

const BYTE = /<0x([0-9A-Fa-f]{2})>/g;
const VISIBLE = /** @type {Record<string, string>} */ ({
  "\n": "⏎",
  "\r": "␍",
  "\t": "⇥",
  " ": "␣",
  "\u00a0": "⍽",
  "\u3000": "□",
  "\u007f": "␡",
});
// Space, control and unassigned code points draw nothing, and marks that turn the text's direction move their neighbours.
const UNSEEN = /[\p{Z}\p{Cc}\p{Cs}\p{Cn}\p{Bidi_Control}]/gu;
// These draw nothing only where they have nothing to join or to shape: alone.
const ALONE = /^[\p{Default_Ignorable_Code_Point}\p{Cf}]+$/u;

/** The bytes of a token that is part of a character; empty when it does not say. @param {Token} token */
export function bytesOf({ text }) {
  return [...text.matchAll(BYTE)].map(([, hex]) => Number.parseInt(hex, 16));
}

/** What cannot be seen, to be seen. @param {string} text */
export function visible(text) {
  if (text === "") return "∅";
  if (ALONE.test(text)) return [...text].map(sign).join("");
  const seen = text.replace(UNSEEN, sign);
  return /^\p{M}/u.test(seen) ? `◌${seen}` : seen; // an accent that begins a token has no letter to sit on
}

/** A sign for a character that draws nothing: C0 controls have pictures in Unicode, others their number. */
function sign(/** @type {string} */ character) {
  if (VISIBLE[character]) return VISIBLE[character];
  const code = /** @type {number} */ (character.codePointAt(0));
  return code < 0x20
    ? String.fromCodePoint(0x2400 + code)
    : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Tokens that make one character together.
 *
 * @param {Token[]} tokens
 * @returns {{from: number, to: number, text: string}[]} In order, all tokens covered; what is no character is U+FFFD.
 */
export function characters(tokens) {
  const groups = [];
  for (let from = 0; from < tokens.length; ) {
    if (!tokens[from].bytes) {
      groups.push({ from, to: from + 1, text: tokens[from].text });
      from++;
      continue;
    }
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let to = from;
    let text = "";
    while (to < tokens.length && tokens[to].bytes && !text) {
      text = decoder.decode(Uint8Array.from(bytesOf(tokens[to])), { stream: true });
      to++;
    }
    groups.push({ from, to, text: text || "\ufffd" });
    from = to;
  }
  return groups;
}

/**
 * @param {Token[]} tokens
 * @param {boolean} showBytes
 * @returns {string[]} A short name of each: of a character made of several its number follows.
 */
export function labels(tokens, showBytes) {
  /** @type {string[]} */
  const names = [];
  for (const { from, to, text } of characters(tokens)) {
    for (let at = from; at < to; at++) {
      const bytes = bytesOf(tokens[at]);
      if (tokens[at].bytes && showBytes && bytes.length) {
        names.push(bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" "));
      } else names.push(visible(text) + (to - from > 1 ? subscript(at - from + 1) : ""));
    }
  }
  return names;
}

function subscript(/** @type {number} */ number) {
  return [...String(number)].map((digit) => String.fromCharCode(0x2080 + Number(digit))).join("");
}

/** @param {number} share From 0 to 1. */
export function percent(share) {
  const value = share * 100;
  if (value >= 99.995) return "100 %";
  if (value >= 10) return `${value.toFixed(1)} %`;
  if (value >= 0.01) return `${value.toFixed(2)} %`;
  return value > 0 ? "< 0.01 %" : "0 %";
}
