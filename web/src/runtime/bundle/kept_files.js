/** What a browser keeps of a model, in the Cache API, for the next visit. */

import { ownBytes, sha256 } from "./sha256.js";

export const INDEX_FILE = "bundle.json";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {import("./bundle.js").OnProgress} OnProgress
 * @typedef {import("./room.js").Room} Room
 */

/** One cache for each version of a model, complete when it holds its index. */
export class KeptFiles {
  constructor(/** @type {string} */ url, /** @type {CacheStorage | undefined} */ caches) {
    this.url = url;
    this.caches = caches;
    this.prefix = `tf_gpt2 model ${url} `;
  }

  /** @returns {Promise<Bytes | null>} The index of a complete version, if there is one. */
  async newestIndex() {
    try {
      for (const name of (await this.names()).reverse()) {
        const response = await (await this.open(name)).match(this.url + INDEX_FILE);
        if (response) return new Uint8Array(await response.arrayBuffer());
      }
    } catch {} // storage switched off: nothing is kept
    return null;
  }

  /** @returns {Promise<boolean>} Whether a complete version was there. */
  async read(/** @type {string} */ hash, /** @type {Room} */ room, /** @type {OnProgress} */ onProgress) {
    try {
      const name = this.prefix + hash;
      if (!(await this.names()).includes(name)) return false;
      const cache = await this.open(name);
      if (!(await cache.match(this.url + INDEX_FILE))) return false;
      let loaded = 0;
      for (const entry of room.index.files) {
        const response = await cache.match(this.url + entry.path);
        if (!response || !(await room.fill(entry, response, () => {}))) return false;
        if ((await sha256(room.at(entry.path))) !== entry.sha256) return false;
        onProgress("cache", (loaded += entry.bytes), room.index.bytes);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Keeps a new version and drops all others, unfinished ones too. The index goes last: it means "complete". */
  async write(/** @type {string} */ hash, /** @type {Bytes} */ raw, /** @type {Room} */ room) {
    const name = this.prefix + hash;
    try {
      await this.clear();
      const cache = await this.open(name);
      for (const { path } of room.index.files)
        await cache.put(this.url + path, new Response(ownBytes(room.at(path))));
      await cache.put(this.url + INDEX_FILE, new Response(raw));
      return "stored";
    } catch (error) {
      await this.clear().catch(() => {});
      const full = error instanceof DOMException && error.name === "QuotaExceededError";
      return full ? "full" : "unavailable";
    }
  }

  async clear() {
    for (const name of await this.names()) await this.available().delete(name);
  }

  async names() {
    return (await this.available().keys()).filter((name) => name.startsWith(this.prefix));
  }

  open(/** @type {string} */ name) {
    return this.available().open(name);
  }

  available() {
    if (!this.caches) throw new Error("no Cache API here");
    return this.caches;
  }
}
