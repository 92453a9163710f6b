/**
 * SHA-256 (FIPS 180-4). The browser's own where there is one: on a page served over plain http from another machine
 * there is none, and the files must be checked there too.
 */

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<string>} In hexadecimal.
 */
export async function sha256(bytes) {
  const { crypto } = globalThis;
  const { subtle } = crypto ?? {};
  return hexadecimal(subtle ? new Uint8Array(await subtle.digest("SHA-256", ownBytes(bytes))) : digest(bytes));
}

/** Bytes that no other thread can change under a browser's functions, most of which refuse those that one can. */
export function ownBytes(/** @type {Uint8Array<ArrayBuffer>} */ bytes) {
  return bytes.buffer instanceof ArrayBuffer ? bytes : /** @type {Uint8Array<ArrayBuffer>} */ (bytes).slice();
}

function hexadecimal(/** @type {Uint8Array} */ bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The first 32 bits of the fractional parts of a root of the first 64 primes. */
function fractions(/** @type {number} */ count, /** @type {number} */ root) {
  const words = [];
  for (let n = 2; words.length < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) words.push(((n ** (1 / root) % 1) * 2 ** 32) | 0);
  }
  return words;
}

const ROUND = Int32Array.from(fractions(64, 3));
const INITIAL = fractions(8, 2);

/** @param {Uint8Array} bytes */
export function digest(bytes) {
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
  const state = Int32Array.from(INITIAL);
  const schedule = new Int32Array(64);
  for (let start = 0; start < padded.length; start += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(start + 4 * i);
    compress(state, schedule);
  }
  const result = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => {
    result.setInt32(4 * i, word);
  });
  return new Uint8Array(result.buffer);
}

const rotate = (/** @type {number} */ word, /** @type {number} */ bits) => (word >>> bits) | (word << (32 - bits));

function compress(/** @type {Int32Array} */ state, /** @type {Int32Array} */ w) {
  for (let i = 16; i < 64; i++) {
    const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
    const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] += word;
  });
}
