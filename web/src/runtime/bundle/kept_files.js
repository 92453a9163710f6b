/**
 * What a browser keeps of a model, or of what tells its copies, in the Cache API: a cache for each version, with every
 * file of it that has come and was found right. One that also holds its index is complete and can be opened without a
 * network.
 */

import { INDEX_FILE } from "./index_file.js";
import { fill } from "./room.js";
import { ownBytes, sha256 } from "./sha256.js";

// When a version became complete, in milliseconds; the newest is opened.
const KEPT_AT = "x-kept-at";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {import("./index_file.js").FileEntry} FileEntry
 * @typedef {{version: KeptVersion, raw: Bytes, keptAt: number}} Complete
 */

export class KeptFiles {
  /**
   * @param {string} url Of their folder, with a slash at its end.
   * @param {CacheStorage | undefined} caches
   * @param {string} what The files are.
   * @param {string} index Which of them describes the others.
   */
  constructor(url, caches, what = "model", index = INDEX_FILE) {
    this.url = url;
    this.caches = caches;
    this.index = index;
    this.prefix = `tf_gpt2 ${what} ${url} `;
  }

  /** @param {string} hash Of the version's index. */
  version(hash) {
    return new KeptVersion(this, hash);
  }

  /** @returns {Promise<Complete[]>} The newest first; empty where nothing can be kept. */
  async complete() {
    const found = [];
    try {
      for (const hash of await this.hashes()) {
        const version = this.version(hash);
        const response = await version.match(this.index);
        if (!response) continue;
        const raw = new Uint8Array(await response.arrayBuffer());
        found.push({ version, raw, keptAt: Number(response.headers.get(KEPT_AT)) });
      }
    } catch {} // storage switched off
    return found.sort((one, other) => other.keptAt - one.keptAt);
  }

  /** Drops versions, if only for the room they take. @param {(version: KeptVersion) => Promise<boolean>} which */
  async drop(which) {
    try {
      for (const hash of await this.hashes()) {
        const version = this.version(hash);
        if (await which(version)) await version.drop();
      }
    } catch {} // nothing is kept, so nothing is in the way
  }

  async hashes() {
    const names = await this.available().keys();
    return names.filter((name) => name.startsWith(this.prefix)).map((name) => name.slice(this.prefix.length));
  }

  available() {
    if (!this.caches) throw new Error("no Cache API here");
    return this.caches;
  }
}

/** One version of a model, complete or on its way. */
export class KeptVersion {
  constructor(/** @type {KeptFiles} */ kept, /** @type {string} */ hash) {
    this.kept = kept;
    this.hash = hash;
    this.name = kept.prefix + hash;
    /** @type {"stored" | "full" | "unavailable"} */
    this.storage = "stored";
  }

  async isComplete() {
    return Boolean(await this.match(this.kept.index));
  }

  /** Whether a file is there; what it holds is checked when it is read. */
  async has(/** @type {string} */ path) {
    return Boolean(await this.match(path).catch(() => undefined));
  }

  /**
   * Reads a file to its place.
   *
   * @param {FileEntry} entry
   * @param {() => Bytes} place
   * @returns {Promise<boolean>} Whether it was there and right.
   */
  async read(entry, place) {
    const response = await this.match(entry.path).catch(() => undefined);
    if (!response) return false;
    const whole = await fill(place, response).catch(() => false);
    return whole && (await sha256(place())) === entry.sha256;
  }

  /** Keeps a file; once that has failed, no further one is tried and none stays. */
  async keep(/** @type {string} */ path, /** @type {Bytes} */ bytes, /** @type {HeadersInit} */ headers = {}) {
    if (this.storage !== "stored") return;
    try {
      const cache = await this.kept.available().open(this.name);
      await cache.put(this.kept.url + path, new Response(ownBytes(bytes), { headers }));
    } catch (error) {
      const full = error instanceof DOMException && error.name === "QuotaExceededError";
      this.storage = full ? "full" : "unavailable";
      await this.drop();
    }
  }

  /** All files are there: from now on it can be opened. */
  async close(/** @type {Bytes} */ raw) {
    await this.keep(this.kept.index, raw, { [KEPT_AT]: String(Date.now()) });
  }

  /** It is found damaged: what is right of it stays. */
  async reopen() {
    await this.kept
      .available()
      .open(this.name)
      .then((cache) => cache.delete(this.kept.url + this.kept.index))
      .catch(() => {});
  }

  async drop() {
    await this.kept.caches?.delete(this.name).catch(() => {});
  }

  /** @returns {Promise<Response | undefined>} */
  async match(/** @type {string} */ path) {
    const caches = this.kept.available();
    // Opening a cache that is not there would make it.
    if (!(await caches.has(this.name))) return undefined;
    return (await caches.open(this.name)).match(this.kept.url + path);
  }
}
