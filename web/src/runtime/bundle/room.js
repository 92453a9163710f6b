/** Memory for a bundle's files while they come. */

import { Trouble } from "../trouble.js";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {(bytes: number, index: import("./bundle.js").BundleIndex) => () => Bytes} Allocate Makes room for all
 *   shards. What it returns is asked anew for each access, since memory of WebAssembly moves.
 */

/** Where each file goes when it comes: a shard to its place among the weights, anything else to bytes of its own. */
export class Room {
  /**
   * @param {import("./bundle.js").BundleIndex} index
   * @param {Allocate} [allocate]
   */
  constructor(index, allocate = allocateBytes) {
    this.index = index;
    const sizes = new Map(index.files.map(({ path, bytes }) => [path, bytes]));
    /** @type {Map<string, [start: number, end: number]>} */
    this.places = new Map();
    let end = 0;
    for (const shard of index.shards) {
      const bytes = sizes.get(shard);
      if (bytes === undefined || this.places.has(shard)) throw new Trouble("bundle_damaged", shard);
      this.places.set(shard, [end, (end += bytes)]);
    }
    this.weights = allocate(end, index);
    this.files = new Map(
      index.files
        .filter(({ path }) => !this.places.has(path))
        .map(({ path, bytes }) => [path, new Uint8Array(bytes)]),
    );
  }

  /** @returns {Bytes} */
  at(/** @type {string} */ path) {
    const place = this.places.get(path);
    return place ? this.weights().subarray(...place) : /** @type {Bytes} */ (this.files.get(path));
  }

  /**
   * @param {import("./bundle.js").FileEntry} entry
   * @param {Response} response Its body is the file's content.
   * @param {(bytes: number) => void} count
   * @returns {Promise<boolean>} False when the length is not the expected one.
   */
  async fill({ path, bytes }, response, count) {
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    let filled = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return filled === bytes;
      if (filled + value.length > bytes) {
        await reader.cancel();
        return false;
      }
      this.at(path).set(value, filled);
      filled += value.length;
      count(value.length);
    }
  }
}

function allocateBytes(/** @type {number} */ bytes) {
  const room = new Uint8Array(bytes);
  return () => room;
}
