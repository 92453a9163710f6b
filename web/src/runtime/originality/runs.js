/** What of a text is copied: its longest runs that stand in the training text. tf_gpt2/evaluation/originality.py. */

import { FmIndex } from "./fm_index.js";

/**
 * @typedef {import("./copies_file.js").Copies} Copies
 * @typedef {object} CopiedRun
 * @property {number} begin Its first UTF-16 unit in the text.
 * @property {number} end Behind its last.
 * @property {number} length Characters (code points).
 * @property {string} book
 * @property {number | null} offset Its first character in the book; null where only hashes are known.
 * @property {string} before What comes before it in the book; empty where only hashes are known.
 * @property {string} after
 *
 * @typedef {{begin: number, end: number, book: number, offset: number | null}} Stretch In characters.
 */

const AROUND = 40;
const FEW = 8; // places whose texts are compared one by one
// A word as Python's \w has it: letters and digits with the apostrophes between them.
const WORD = /[\p{L}\p{N}_]+(?:['’][\p{L}\p{N}_]+)*/gu;

/**
 * @param {Copies} copies
 * @param {string} text
 * @returns {{runs: CopiedRun[], copied: number, characters: number}} Runs in their order; they may overlap. `copied` are
 *   the characters in any.
 */
export function copiedRuns(copies, text) {
  const codes = codePoints(text);
  const enough = copies.words ? enoughWords(text, codes, copies.least) : () => true;
  const stretches = (
    copies.index instanceof FmIndex
      ? longestRuns(copies.index, codes, copies.leastCharacters)
      : longestOf(copies.index.stretches(codes), copies.leastCharacters)
  ).filter(({ begin, end }) => enough(begin, end));
  const units = unitsOf(codes);
  return {
    runs: stretches.map((stretch) => describe(copies.index, stretch, units)),
    copied: covered(stretches),
    characters: codes.length,
  };
}

/** A text's characters; what is no character is what Python's encoder puts for it. @param {string} text */
export function codePoints(text) {
  const codes = new Uint32Array(text.length);
  let length = 0;
  for (const character of text) codes[length++] = /** @type {number} */ (character.codePointAt(0));
  const found = codes.subarray(0, length);
  for (let at = 0; at < length; at++) {
    if (found[at] >= 0xd800 && found[at] < 0xe000) found[at] = 0x3f;
    else if (found[at] === 0) found[at] = 1;
  }
  return found;
}

/**
 * All runs of at least so many characters that stand in the texts, and in no longer run of `codes` that does.
 *
 * Where the last characters of a window of that length stand nowhere, no run has them all, and the window moves on
 * behind the first of them: text that copies nothing is read in part.
 *
 * @param {FmIndex} index
 * @param {ArrayLike<number>} codes
 * @param {number} least
 * @returns {Stretch[]}
 */
export function longestRuns(index, codes, least) {
  /** @type {Stretch[]} */
  const found = [];
  for (let begin = 0; begin + least <= codes.length; ) {
    const { first, rows } = readBack(index, codes, begin, begin + least);
    if (first > begin) {
      begin = first;
      continue;
    }
    const { end, place } =
      rows.high - rows.low <= FEW
        ? followed(index, codes, begin + least, rows, least)
        : sought(index, codes, begin, least);
    const book = index.bookAt(place);
    found.push({ begin, end, book, offset: place - index.starts[book] });
    if (end === codes.length) break;
    begin = readBack(index, codes, begin, end + 1).first;
  }
  return found;
}

/**
 * Whether any run of so many characters stands in the texts.
 *
 * @param {FmIndex} index
 * @param {ArrayLike<number>} codes
 * @param {number} least
 */
export function hasRun(index, codes, least) {
  for (let begin = 0; begin + least <= codes.length; ) {
    const { first } = readBack(index, codes, begin, begin + least);
    if (first === begin) return true;
    begin = first;
  }
  return false;
}

/** The longest run before `end` that begins at `begin` or behind, and its rows. */
function readBack(
  /** @type {FmIndex} */ index,
  /** @type {ArrayLike<number>} */ codes,
  /** @type {number} */ begin,
  /** @type {number} */ end,
) {
  let rows = index.all();
  let first = end;
  while (first > begin) {
    const longer = index.extend(rows, codes[first - 1]);
    if (!longer) break;
    rows = longer;
    first--;
  }
  return { first, rows };
}

/** How far a run goes on that stands in a few places: the text of each is read. Of equals the first row's counts. */
function followed(
  /** @type {FmIndex} */ index,
  /** @type {ArrayLike<number>} */ codes,
  /** @type {number} */ known,
  /** @type {import("./fm_index.js").Rows} */ { low, high },
  /** @type {number} */ length,
) {
  let best = { end: -1, place: -1 };
  for (let row = low; row < high; row++) {
    const place = index.place(row);
    const end = known + index.shared(place + length, codes, known);
    if (end > best.end) best = { end, place };
  }
  return best;
}

/** The same of one that stands in many: its end is sought by halving. */
function sought(
  /** @type {FmIndex} */ index,
  /** @type {ArrayLike<number>} */ codes,
  /** @type {number} */ begin,
  /** @type {number} */ length,
) {
  let low = begin + length;
  let high = codes.length + 1;
  // The guesses grow: most runs are short.
  for (let step = 1; low + step < high; step *= 2) {
    if (index.find(codes, begin, low + step)) low += step;
    else high = low + step;
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (index.find(codes, begin, middle)) low = middle;
    else high = middle;
  }
  const rows = /** @type {import("./fm_index.js").Rows} */ (index.find(codes, begin, low));
  return { end: low, place: index.place(rows.low) };
}

/** Of stretches, those that are long enough and in no other; by their beginning. */
function longestOf(
  /** @type {{book: number, begin: number, end: number}[]} */ stretches,
  /** @type {number} */ least,
) {
  const sorted = stretches.filter(({ begin, end }) => end - begin >= least);
  sorted.sort((one, other) => one.begin - other.begin || other.end - one.end || one.book - other.book);
  let reached = 0;
  return sorted.flatMap((stretch) => {
    if (stretch.end <= reached) return [];
    reached = stretch.end;
    return [{ ...stretch, offset: null }];
  });
}

/** Whether so many whole words stand between two characters. */
function enoughWords(/** @type {string} */ text, /** @type {Uint32Array} */ codes, /** @type {number} */ least) {
  const units = unitsOf(codes);
  const words = Array.from(text.matchAll(WORD), ({ 0: word, index }) => [index, index + word.length]);
  return (/** @type {number} */ begin, /** @type {number} */ end) => {
    const inside = words.filter(([first, last]) => first >= units[begin] && last <= units[end]);
    return inside.length >= least;
  };
}

/** Where each character begins in UTF-16, and where the text ends. */
function unitsOf(/** @type {Uint32Array} */ codes) {
  const units = new Uint32Array(codes.length + 1);
  for (let at = 0; at < codes.length; at++) units[at + 1] = units[at] + (codes[at] > 0xffff ? 2 : 1);
  return units;
}

/** @returns {CopiedRun} */
function describe(
  /** @type {Copies["index"]} */ index,
  /** @type {Stretch} */ { begin, end, book, offset },
  /** @type {Uint32Array} */ units,
) {
  const run = { begin: units[begin], end: units[end], length: end - begin, book: index.titles[book], offset };
  if (!(index instanceof FmIndex) || offset === null) return { ...run, before: "", after: "" };
  const [first, last] = [index.starts[book], index.starts[book + 1] - 1];
  const place = first + offset;
  return {
    ...run,
    before: index.read(Math.max(first, place - AROUND), place),
    after: index.read(place + run.length, Math.min(last, place + run.length + AROUND)),
  };
}

/** Characters that are in any stretch; these come by their beginning. */
function covered(/** @type {Stretch[]} */ stretches) {
  let characters = 0;
  let reached = 0;
  for (const { begin, end } of stretches) {
    characters += Math.max(0, end - Math.max(begin, reached));
    reached = Math.max(reached, end);
  }
  return characters;
}
