/** Memory for a bundle's files while they come. */

import { Trouble } from "../trouble.js";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {(bytes: number, index: import("./index_file.js").BundleIndex, files: Map<string, Bytes>) => () => Bytes}
 *   Allocate Makes room for all shards; the other files are there by then. What it returns is asked anew for each
 *   access, since memory of WebAssembly moves.
 */

/** Where each file goes when it comes: a shard to its place among the weights, anything else to bytes of its own. */
export class Room {
  /**
   * @param {import("./index_file.js").BundleIndex} index
   * @param {Allocate} [allocate]
   * @throws {Trouble} The index names a shard that it does not describe.
   */
  constructor(index, allocate = allocateBytes) {
    this.index = index;
    this.allocate = allocate;
    const sizes = new Map(index.files.map(({ path, bytes }) => [path, bytes]));
    /** @type {Map<string, [start: number, end: number]>} */
    this.places = new Map();
    this.bytes = 0;
    for (const shard of index.shards) {
      const bytes = sizes.get(shard);
      if (bytes === undefined || this.places.has(shard)) throw new Trouble("bundle_damaged", shard);
      this.places.set(shard, [this.bytes, (this.bytes += bytes)]);
    }
    /** @type {(() => Bytes) | null} */
    this.reserved = null;
    /** The files that come first: what they say decides how the weights are to lie. */
    this.first = index.files.filter(({ path }) => !this.places.has(path));
    this.shards = index.files.filter(({ path }) => this.places.has(path));
    this.files = new Map(this.first.map(({ path, bytes }) => [path, new Uint8Array(bytes)]));
  }

  /** Makes room for the shards, once all other files are there. */
  reserve() {
    this.reserved ??= this.allocate(this.bytes, this.index, this.files);
  }

  /** @returns {Bytes} All shards, one after the other. */
  weights() {
    if (!this.reserved) throw new Error("weights before their room");
    return this.reserved();
  }

  /** @returns {Bytes} */
  at(/** @type {string} */ path) {
    const place = this.places.get(path);
    return place ? this.weights().subarray(...place) : /** @type {Bytes} */ (this.files.get(path));
  }
}

/**
 * Puts what comes where it belongs.
 *
 * @param {() => Bytes} place Of the length that is expected; asked anew for each piece.
 * @param {Response} response Its body is the file's content.
 * @param {(bytes: number) => void} [count]
 * @returns {Promise<boolean>} False when the length is not the expected one.
 */
export async function fill(place, response, count = () => {}) {
  const expected = place().length;
  if (!response.body) return expected === 0;
  const reader = response.body.getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return filled === expected;
    if (filled + value.length > expected) {
      await reader.cancel();
      return false;
    }
    place().set(value, filled);
    filled += value.length;
    count(value.length);
  }
}

function allocateBytes(/** @type {number} */ bytes) {
  const room = new Uint8Array(bytes);
  return () => room;
}
