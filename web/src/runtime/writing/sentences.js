/**
 * The rule of `finishSentence`, tf_gpt2/generation/sentences.py's: after its limit a text goes on to the end of a sentence.
 * docs/controls.md has it in words; tests/fixtures/sentence_vectors.json holds both to it.
 */

/** Past the limit at most. */
export const FINISH_TOKENS = 60;
const MARKS = "。！？…!?.";
const CLOSERS = "」』”’）)\"'】》〉］]»";
const BLANKS = " \t\r\n\u3000";
// What a full stop must not be followed by directly: 3.14, U.S.A., page.html are no ends.
const WITHIN = /^[0-9A-Za-z]/;

/**
 * What stands at the end of a text: nothing of a sentence's end; a full stop; another mark, or what closes after one; a
 * blank after these. Only the last is certain: a quotation mark may still follow the others.
 *
 * @typedef {"nowhere" | "point" | "mark" | "blank"} Place
 */

/** @returns {Place} */
function after(/** @type {Place} */ place, /** @type {string} */ character) {
  if (MARKS.includes(character)) return character === "." ? "point" : "mark";
  if (CLOSERS.includes(character) && (place === "point" || place === "mark")) return "mark";
  return BLANKS.includes(character) && place !== "nowhere" ? "blank" : "nowhere";
}

/**
 * Follows a text token by token and says where it ends. A mark ends a sentence only with what closes it, so the token
 * after one is waited for; should it not belong to the sentence, it is dropped.
 */
export class SentenceEnd {
  /**
   * @param {number} limit Tokens from which on the end of a sentence ends the text.
   * @param {string} [before] What was written before the first of them.
   */
  constructor(limit, before = "") {
    this.limit = limit;
    this.count = 0;
    /** @type {Place} */
    this.place = "nowhere";
    this.follow(before);
    /** @type {string[] | null} Pieces after what may be the end. */
    this.held = null;
    /** Whether the text has its end. */
    this.ended = false;
    /** Tokens of the text that is certain so far; all of it once it has ended. */
    this.kept = 0;
  }

  /**
   * @param {string} piece What one more token completes, often a character, sometimes nothing.
   * @returns {string} What is certain.
   */
  push(piece) {
    this.count++;
    const last = this.count >= this.limit + FINISH_TOKENS;
    let certain = piece;
    if (this.held) {
      this.held.push(piece);
      if (!piece && !last) return ""; // half a character may be half a quotation mark
      if (!piece || !this.belongs(piece)) {
        this.ended = true;
        return "";
      }
      certain = this.held.join("");
      this.held = null;
    }
    this.kept = this.count;
    this.follow(piece);
    if (this.count >= this.limit && piece) {
      this.ended = this.place === "blank";
      if (this.place === "point" || this.place === "mark") this.held = [];
    }
    this.ended ||= last;
    return certain;
  }

  /** @private */
  follow(/** @type {string} */ text) {
    for (const character of text) this.place = after(this.place, character);
  }

  /** Whether the sentence goes on with this text directly after what may be its end. @private */
  belongs(/** @type {string} */ text) {
    return (MARKS + CLOSERS).includes(text[0]) || (this.place === "point" && WITHIN.test(text));
  }
}
