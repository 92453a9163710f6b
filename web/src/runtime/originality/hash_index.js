/** The hashes of passages that export/browser/copies_hashes.py writes: they tell length and book of a copy, no more. */

const SEEDS = [0x9e3779b9, 0x85ebca6b];
const BLOCK = 64; // buckets between two sums

/** @typedef {{window: number, titles: string[], bits: number[], hashes: number[]}} Header */

export class HashIndex {
  /**
   * @param {Header} header
   * @param {import("./copies_file.js").Reader} reader Stands behind the header.
   */
  constructor({ window, titles, bits, hashes }, reader) {
    this.window = window;
    this.titles = titles;
    this.books = titles.map((_, book) => {
      const counts = reader.bytes(2 ** (bits[book] - 1));
      return new Book(bits[book], counts, reader.bytes(hashes[book]));
    });
  }

  /**
   * For each book, the longest stretches of the text whose windows are all there.
   *
   * @param {ArrayLike<number>} codes
   * @returns {{book: number, begin: number, end: number}[]}
   */
  stretches(codes) {
    const count = codes.length - this.window + 1;
    if (count < 1) return [];
    const [places, bytes] = SEEDS.map((seed) => hashWindows(codes, this.window, seed));
    return this.books.flatMap((held, book) => {
      const found = [];
      let begin = -1;
      for (let at = 0; at <= count; at++) {
        const there = at < count && held.has(places[at], bytes[at] >>> 24);
        if (there && begin < 0) begin = at;
        if (there || begin < 0) continue;
        found.push({ book, begin, end: at - 1 + this.window });
        begin = -1;
      }
      return found;
    });
  }
}

class Book {
  /** @param {number} bits @param {Uint8Array} counts @param {Uint8Array} bytes */
  constructor(bits, counts, bytes) {
    this.shift = 32 - bits;
    this.counts = counts;
    this.bytes = bytes;
    const buckets = 2 * counts.length;
    this.before = new Uint32Array(Math.ceil(buckets / BLOCK));
    let sum = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      if (bucket % BLOCK === 0) this.before[bucket / BLOCK] = sum;
      sum += this.count(bucket);
    }
  }

  /** @param {number} place @param {number} byte */
  has(place, byte) {
    const bucket = place >>> this.shift;
    const block = Math.floor(bucket / BLOCK);
    let at = this.before[block];
    for (let other = block * BLOCK; other < bucket; other++) at += this.count(other);
    const end = at + this.count(bucket);
    for (; at < end; at++) if (this.bytes[at] === byte) return true;
    return false;
  }

  /** @private */
  count(/** @type {number} */ bucket) {
    return (this.counts[bucket >>> 1] >>> (4 * (bucket & 1))) & 15;
  }
}

/**
 * A hash of the window from each place on: FNV-1a over code points, then the last step of MurmurHash3.
 *
 * @param {ArrayLike<number>} codes
 * @param {number} window
 * @param {number} seed
 */
export function hashWindows(codes, window, seed) {
  const hashes = new Uint32Array(codes.length - window + 1);
  for (let place = 0; place < hashes.length; place++) {
    let sum = seed;
    for (let at = place; at < place + window; at++) sum = Math.imul(sum ^ codes[at], 0x01000193);
    sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
    sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
    hashes[place] = sum ^ (sum >>> 16);
  }
  return hashes;
}
