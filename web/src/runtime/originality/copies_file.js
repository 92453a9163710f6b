/** The file that tells copies, as export/browser/originality.py packs it: a header and arrays, compressed. */

import { Trouble } from "../trouble.js";
import { FmIndex } from "./fm_index.js";
import { HashIndex } from "./hash_index.js";

/**
 * @typedef {object} Copies What a text can be compared with.
 * @property {"index" | "hashes"} kind
 * @property {boolean} words Whether a run is measured in words.
 * @property {number} least Characters, or words, that make a run a copy.
 * @property {number} leastCharacters Characters that such a run has at least.
 * @property {string} corpus The name of what it was made of.
 * @property {FmIndex | HashIndex} index
 */

export const FORMAT = "tf_gpt2-originality";
export const VERSION = 1;

/** Takes arrays from bytes, one after the other, each from a multiple of four on. */
export class Reader {
  /** @param {Uint8Array<ArrayBuffer>} bytes */
  constructor(bytes) {
    this.buffer = bytes.buffer;
    this.at = 0;
  }

  /** @param {number} count */
  bytes(count) {
    const found = new Uint8Array(this.buffer, this.at, count);
    this.at += Math.ceil(count / 4) * 4;
    return found;
  }

  /** @param {number} count */
  words(count) {
    const found = new Uint32Array(this.buffer, this.at, count);
    this.at += 4 * count;
    return found;
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} compressed
 * @param {string} corpus What it is said to be made of.
 * @returns {Promise<Copies>}
 * @throws {Trouble} "originality_damaged", "originality_other"
 */
export async function openCopies(compressed, corpus) {
  try {
    const reader = new Reader(await decompress(compressed));
    const header = JSON.parse(new TextDecoder().decode(reader.bytes(reader.words(1)[0])));
    if (header.format !== FORMAT || header.version !== VERSION) throw new Error(`version ${header.version}`);
    if (header.corpus !== corpus) throw new Trouble("originality_other", header.corpus);
    const { kind, unit, least, leastCharacters } = header;
    const index = kind === "index" ? new FmIndex(header, reader) : new HashIndex(header, reader);
    return { kind, words: unit === "words", least, leastCharacters, corpus, index };
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble("originality_damaged", String(error));
  }
}

async function decompress(/** @type {Uint8Array<ArrayBuffer>} */ compressed) {
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
