/**
 * Keeps what is written free of copies: tf_gpt2/generation/copy_guard.py, one token at a time. A run counts when it ends
 * in what the model writes; its beginning may stand in the prompt.
 */

import { codePoints, hasRun } from "./runs.js";

const REPLACEMENT = /\ufffd+$/;
// Tokens whose characters seldom all stand in a corpus: only where they do are more of them looked at.
const NEAR = 8;
const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** @typedef {import("../writing/tokenizer.js").Tokenizer} Tokenizer */

export class CopyGuard {
  /**
   * @param {import("./fm_index.js").FmIndex} index
   * @param {Tokenizer} tokenizer
   * @param {number} least Characters of the shortest run that must not be written.
   */
  constructor(index, tokenizer, least) {
    this.index = index;
    this.tokenizer = tokenizer;
    this.least = least;
    this.spelled = Array.from({ length: tokenizer.vocabularySize }, (_, id) => this.spelling(id));
    this.alone = this.spelled.map((bytes) => codePoints(text.decode(bytes)));
    const short = this.alone.map(({ length }) => length).filter((length) => length < least);
    // Characters of the text that a run has at least, when a token ends it that is shorter than a run.
    this.behind = least - short.reduce((most, length) => Math.max(most, length), 0);
  }

  /**
   * Whether a token completes a copied run.
   *
   * @param {number[]} before All ids before it.
   * @param {number} id
   */
  completes(before, id) {
    if (id === this.tokenizer.endOfTextId) return false;
    const recent = this.recent(before);
    if (this.tokenizer.pieces && this.isNew(recent.slice(-NEAR), id)) return false;
    const known = [...this.decode(recent).replace(REPLACEMENT, "")].length;
    const codes = codePoints(this.decode([...recent, id]));
    return hasRun(this.index, codes.subarray(Math.max(0, known - this.least + 1)), this.least);
  }

  /**
   * Which ids would complete one. Where tokens are no strings of bytes (WordPiece, say) some may be missing.
   *
   * @param {number[]} before
   * @returns {Set<number>}
   */
  forbidden(before) {
    const bytes = this.bytes(this.recent(before));
    const pending = pendingBytes(bytes);
    const known = codePoints(text.decode(bytes).replace(REPLACEMENT, ""));
    const end = known.subarray(Math.max(0, known.length - this.least + 1));
    const follows = this.firsts(end);
    const found = new Set();
    for (const [id, spelled] of this.spelled.entries()) {
      if (id === this.tokenizer.endOfTextId) continue;
      const fresh = pending.length ? codePoints(text.decode(joined([pending, spelled]))) : this.alone[id];
      if (end.length + fresh.length < this.least) continue;
      if (fresh.length < this.least && !follows(fresh[0])) continue;
      if (hasRun(this.index, Uint32Array.from([...end, ...fresh]), this.least)) found.add(id);
    }
    return found;
  }

  /** Whether no run can end in a token, because already what the tokens before it say does not come before that. @private */
  isNew(/** @type {number[]} */ near, /** @type {number} */ id) {
    const bytes = wholeCharacters(this.bytes(near));
    const known = codePoints(text.decode(bytes).replace(REPLACEMENT, "")).length;
    const codes = codePoints(text.decode(joined([bytes, this.spelled[id]])));
    for (let end = known + 1; end <= codes.length; end++) {
      if (this.index.find(codes, Math.max(0, end - this.least), end)) return false;
    }
    return true;
  }

  /** Whether a character may stand behind the text in the corpus, as far as the shortest beginning of a run tells. @private */
  firsts(/** @type {Uint32Array} */ end) {
    const tail = end.subarray(Math.max(0, end.length - Math.max(0, this.behind)));
    /** @type {Map<number, boolean>} */
    const known = new Map();
    return (/** @type {number} */ code) => {
      let there = known.get(code);
      if (there === undefined) {
        there = this.index.find([...tail, code], 0, tail.length + 1) !== null;
        known.set(code, there);
      }
      return there;
    };
  }

  /** The ids that decide on a run: after the last end of text, four a character (bytes) at most. @private */
  recent(/** @type {number[]} */ ids) {
    const last = ids.slice(-(4 * this.least + 16));
    return last.slice(last.lastIndexOf(this.tokenizer.endOfTextId) + 1);
  }

  /** @private */
  decode(/** @type {number[]} */ ids) {
    return this.tokenizer.pieces ? text.decode(this.bytes(ids)) : this.tokenizer.decode(ids);
  }

  /** @private */
  bytes(/** @type {number[]} */ ids) {
    return this.tokenizer.pieces
      ? joined(ids.map((id) => this.spelled[id]))
      : utf8.encode(this.tokenizer.decode(ids));
  }

  /** @private */
  spelling(/** @type {number} */ id) {
    if (id === this.tokenizer.endOfTextId) return new Uint8Array();
    return this.tokenizer.pieces?.[id] ?? utf8.encode(this.tokenizer.decode([id]).replace(/^##/, ""));
  }
}

function joined(/** @type {Uint8Array[]} */ parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes from the beginning of a character on. */
function wholeCharacters(/** @type {Uint8Array} */ bytes) {
  let begin = 0;
  while (begin < bytes.length && (bytes[begin] & 0xc0) === 0x80) begin++;
  return bytes.subarray(begin);
}

/** The bytes at the end that are the beginning of a character. */
function pendingBytes(/** @type {Uint8Array} */ bytes) {
  for (let size = 1; size <= Math.min(4, bytes.length); size++) {
    const lead = bytes[bytes.length - size];
    if ((lead & 0xc0) === 0x80) continue;
    const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return size < width ? bytes.subarray(bytes.length - size) : new Uint8Array();
  }
  return new Uint8Array();
}
