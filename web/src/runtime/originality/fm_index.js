/**
 * The index of the training text that export/browser/copies_index.py writes: finds where a run of characters stands,
 * reading it from its last to its first, and gives back the text around a place.
 *
 * A range of rows [low, high) are the places where what was read so far stands, in the order of what follows.
 */

import { Bits } from "./bits.js";

/**
 * @typedef {{rate: number, starts: number[], titles: string[], symbols: number, samples: number, levels: number}} Header
 * @typedef {{low: number, high: number}} Rows
 */

export class FmIndex {
  /**
   * @param {Header} header
   * @param {import("./copies_file.js").Reader} reader Stands behind the header.
   */
  constructor(header, reader) {
    const { rate, starts, levels } = header;
    this.titles = header.titles;
    this.starts = starts;
    /** Characters of all texts, with the zero after each. */
    this.length = /** @type {number} */ (starts.at(-1));
    const words = Math.ceil(this.length / 32);
    this.symbols = reader.words(header.symbols);
    const counts = reader.words(header.symbols);
    this.samples = reader.words(header.samples);
    this.marks = new Bits(reader.words(words));
    this.levels = Array.from({ length: levels }, () => new Bits(reader.words(words)));
    this.zeros = this.levels.map((bits) => this.length - bits.rank(this.length));
    this.numbers = new Map(Array.from(this.symbols, (symbol, number) => [symbol, number]));
    this.firstRows = firstRows(this.symbols, counts);
    // Where the rows of a symbol begin once the matrix has sorted them.
    this.sortedFrom = Uint32Array.from(this.symbols.keys(), (number) => this.descend(number, 0));
    this.kept = keptPlaces(starts, rate, header.samples);
    this.rowOf = rowsOfPlaces(this.samples, this.marks, words);
  }

  /** All rows: nothing has been read. @returns {Rows} */
  all() {
    return { low: 0, high: this.length };
  }

  /**
   * Puts a character before what was read.
   *
   * @param {Rows} rows
   * @param {number} code
   * @returns {Rows | null} Null where that stands nowhere.
   */
  extend({ low, high }, code) {
    const number = code === 0 ? undefined : this.numbers.get(code);
    if (number === undefined) return null;
    const shift = this.firstRows[number] - this.sortedFrom[number];
    const first = this.descend(number, low);
    const last = this.descend(number, high);
    return first < last ? { low: first + shift, high: last + shift } : null;
  }

  /**
   * Whether a run stands in the texts.
   *
   * @param {ArrayLike<number>} codes
   * @param {number} begin
   * @param {number} end
   * @returns {Rows | null}
   */
  find(codes, begin, end) {
    /** @type {Rows | null} */
    let rows = this.all();
    for (let at = end - 1; at >= begin && rows; at--) rows = this.extend(rows, codes[at]);
    return rows;
  }

  /** Where the text of a row stands among the characters of all texts. @param {number} row */
  place(row) {
    let steps = 0;
    let at = row;
    while (!this.marks.at(at)) {
      at = this.before(at).row;
      steps++;
    }
    return this.kept[this.samples[this.marks.rank(at)]] + steps;
  }

  /** The text that a place is in. @param {number} place */
  bookAt(place) {
    let low = 0;
    let high = this.starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= place) low = middle;
      else high = middle;
    }
    return low;
  }

  /** A piece of the texts, as code points. @param {number} begin @param {number} end In the same text. */
  codes(begin, end) {
    let known = 0;
    for (let step = 1 << 30; step; step >>= 1) {
      if (known + step < this.kept.length && this.kept[known + step] <= end) known += step;
    }
    if (this.kept[known] < end) known++; // the next one: the zero after each text is kept
    let row = this.rowOf[known];
    const codes = new Uint32Array(Math.max(0, end - begin));
    for (let at = this.kept[known] - 1; at >= begin; at--) {
      const before = this.before(row);
      row = before.row;
      if (at < end) codes[at - begin] = this.symbols[before.number];
    }
    return codes;
  }

  /** The same as a string. @param {number} begin @param {number} end */
  read(begin, end) {
    return String.fromCodePoint(...this.codes(begin, end));
  }

  /**
   * How many characters the text from a place on has in common with `codes` from `from` on.
   *
   * @param {number} place
   * @param {ArrayLike<number>} codes
   * @param {number} from
   */
  shared(place, codes, from) {
    const last = this.starts[this.bookAt(place) + 1] - 1;
    let count = 0;
    for (let size = 16; ; size *= 2) {
      const piece = this.codes(place + count, Math.min(last, place + count + size));
      for (const code of piece) {
        if (from + count >= codes.length || codes[from + count] !== code) return count;
        count++;
      }
      if (piece.length < size) return count;
    }
  }

  /** The row of the character before a row's text, and the number of that character. @param {number} row */
  before(row) {
    let number = 0;
    let at = row;
    for (let level = 0; level < this.levels.length; level++) {
      const bits = this.levels[level];
      const bit = bits.at(at);
      const ones = bits.rank(at);
      number = 2 * number + bit;
      at = bit ? this.zeros[level] + ones : at - ones;
    }
    return { row: at - this.sortedFrom[number] + this.firstRows[number], number };
  }

  /** Where a row goes when the matrix sorts, if it holds a symbol. @private */
  descend(/** @type {number} */ number, /** @type {number} */ row) {
    let at = row;
    const last = this.levels.length - 1;
    for (let level = 0; level <= last; level++) {
      const ones = this.levels[level].rank(at);
      at = (number >>> (last - level)) & 1 ? this.zeros[level] + ones : at - ones;
    }
    return at;
  }
}

/** The first row that begins with each symbol: rows are in the order of code points. */
function firstRows(/** @type {Uint32Array} */ symbols, /** @type {Uint32Array} */ counts) {
  const first = new Uint32Array(symbols.length);
  let rows = 0;
  for (const number of Uint32Array.from(symbols.keys()).sort((a, b) => symbols[a] - symbols[b])) {
    first[number] = rows;
    rows += counts[number];
  }
  return first;
}

/** The places that are kept: every `rate`th, the first of each text and the zero after it. */
function keptPlaces(/** @type {number[]} */ starts, /** @type {number} */ rate, /** @type {number} */ count) {
  const kept = new Uint32Array(count);
  const length = /** @type {number} */ (starts.at(-1));
  const ends = starts.flatMap((start) => [start - 1, start]).slice(1, -1);
  const others = ends.filter((place) => place % rate);
  let filled = 0;
  let other = 0;
  for (let place = 0; place < length; place += rate) {
    while (others[other] < place) kept[filled++] = others[other++];
    kept[filled++] = place;
  }
  while (other < others.length) kept[filled++] = others[other++];
  return kept;
}

/** The row of each kept place. */
function rowsOfPlaces(/** @type {Uint32Array} */ samples, /** @type {Bits} */ marks, /** @type {number} */ words) {
  const rows = new Uint32Array(samples.length);
  let seen = 0;
  for (let word = 0; word < words; word++) {
    for (let bits = marks.words[word]; bits; bits &= bits - 1) {
      rows[samples[seen++]] = 32 * word + (31 - Math.clz32(bits & -bits));
    }
  }
  return rows;
}
