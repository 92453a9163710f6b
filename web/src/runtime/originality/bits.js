/** Bits whose ones can be counted up to any place. */

const BLOCK_WORDS = 4;

export class Bits {
  /** @param {Uint32Array} words The lowest bit of a word comes first. */
  constructor(words) {
    this.words = words;
    /** Ones before each block of words. */
    this.before = new Uint32Array(Math.ceil(words.length / BLOCK_WORDS) + 1);
    let ones = 0;
    for (let word = 0; word < words.length; word++) {
      if (word % BLOCK_WORDS === 0) this.before[word / BLOCK_WORDS] = ones;
      ones += countOnes(words[word]);
    }
    this.before[this.before.length - 1] = ones;
  }

  /** @param {number} place */
  at(place) {
    return (this.words[place >>> 5] >>> (place & 31)) & 1;
  }

  /** Ones before a place. @param {number} place */
  rank(place) {
    const { words, before } = this;
    const word = place >>> 5;
    let ones = before[word >>> 2];
    for (let at = word & ~(BLOCK_WORDS - 1); at < word; at++) ones += countOnes(words[at]);
    const rest = place & 31;
    return rest ? ones + countOnes(words[word] & ((1 << rest) - 1)) : ones;
  }
}

/** Ones of a word (Warren, "Hacker's Delight", 5-1). */
function countOnes(/** @type {number} */ word) {
  let sum = word - ((word >>> 1) & 0x55555555);
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
