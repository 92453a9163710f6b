/**
 * Random numbers that are a function of where they are used: the same as tf_gpt2/generation/random_numbers.py's.
 * Threefry-2x32, 20 rounds (Salmon et al. 2011); test vectors in tests/fixtures/random_vectors.json.
 */

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];
const PARITY = 0x1bd11bda;

/**
 * The block function on unsigned 32-bit words.
 *
 * @param {[number, number]} key
 * @param {[number, number]} counter
 * @returns {[number, number]}
 */
export function threefry(key, counter) {
  const schedule = [key[0] | 0, key[1] | 0, key[0] ^ key[1] ^ PARITY];
  let x = (counter[0] + schedule[0]) | 0;
  let y = (counter[1] + schedule[1]) | 0;
  for (let group = 0; group < 5; group++) {
    for (const bits of ROTATIONS[group % 2]) {
      x = (x + y) | 0;
      y = ((y << bits) | (y >>> (32 - bits))) ^ x;
    }
    x = (x + schedule[(group + 1) % 3]) | 0;
    y = (y + schedule[(group + 2) % 3] + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/**
 * A uniform number in [0, 1), a multiple of 2**-24.
 *
 * @param {number} seed The user's seed, 0 to 2**32 - 1.
 * @param {number} stream Which prompt, from 0.
 * @param {number} sample Which version, from 0.
 * @param {number} position Which new token of that version, from 0.
 */
export function uniform(seed, stream, sample, position) {
  return (threefry([seed, stream], [position, sample])[0] >>> 8) * 2 ** -24;
}
