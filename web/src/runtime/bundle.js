/**
 * Fetches a bundle: every byte counted, every file checked against its hash, and kept for the next visit as a whole or
 * not at all. Formats: export/bundle.py.
 */

import { sha256 } from "./sha256.js";
import { Trouble } from "./trouble.js";

export const BUNDLE_VERSION = 1;
const FORMAT = "tf_gpt2-bundle";
const INDEX = "bundle.json";
const PARALLEL = 4;
const RETRY_MILLISECONDS = 300;

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {typeof globalThis.fetch} Fetch
 * @typedef {{path: string, bytes: number, sha256: string}} FileEntry
 * @typedef {{format: string, version: number, dtype: string, parameters: number, bytes: number, files: FileEntry[],
 *   int8: Record<string, {shape: number[], channel_axis: number}>}} BundleIndex
 * @typedef {{index: BundleIndex, files: Map<string, Bytes>, fromCache: boolean,
 *   storage: "stored" | "full" | "unavailable"}} Bundle
 * @typedef {(phase: "download" | "cache", loaded: number, total: number) => void} OnProgress
 */

/**
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {OnProgress} onProgress
 * @param {{fetch: Fetch, caches: CacheStorage | undefined}} environment
 * @returns {Promise<Bundle>}
 * @throws {Trouble}
 */
export async function loadBundle(url, onProgress, environment) {
  const kept = new KeptFiles(url, environment.caches);
  const raw = (await fetchIndex(url, environment.fetch)) ?? (await kept.newestIndex());
  if (!raw) throw new Trouble("offline", url);
  const index = parseIndex(raw);
  const name = await sha256(raw);
  const known = await kept.read(name, index, onProgress);
  if (known) return { index, files: known, fromCache: true, storage: "stored" };
  const files = await download(url, index, onProgress, environment.fetch);
  const storage = await kept.write(name, raw, files);
  return { index, files, fromCache: false, storage };
}

/**
 * Whether a complete bundle is kept, so that opening it costs no download.
 *
 * @param {string} url
 * @param {CacheStorage | undefined} caches
 */
export async function isKept(url, caches) {
  return (await new KeptFiles(url, caches).newestIndex()) !== null;
}

/**
 * @param {Bytes} raw The content of bundle.json.
 * @returns {BundleIndex}
 */
export function parseIndex(raw) {
  let index;
  try {
    index = JSON.parse(new TextDecoder().decode(raw));
  } catch (error) {
    throw new Trouble("bundle_damaged", `${INDEX}: ${error}`);
  }
  if (index?.format !== FORMAT || !Array.isArray(index.files)) throw new Trouble("bundle_damaged", INDEX);
  if (index.version !== BUNDLE_VERSION) throw new Trouble("bundle_version", String(index.version));
  return index;
}

/** @returns {Promise<Bytes | null>} Null when the network gives no answer. */
async function fetchIndex(/** @type {string} */ url, /** @type {Fetch} */ fetch) {
  let response;
  try {
    response = await fetch(url + INDEX, { cache: "no-cache" });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch {
    return null;
  }
  if (response.status === 404) throw new Trouble("missing_file", INDEX);
  return null; // a host in trouble; what is kept still works
}

async function download(
  /** @type {string} */ url,
  /** @type {BundleIndex} */ index,
  /** @type {OnProgress} */ onProgress,
  /** @type {Fetch} */ fetch,
) {
  const files = new Map();
  const queue = [...index.files];
  const aborter = new AbortController();
  let loaded = 0;
  const count = (/** @type {number} */ bytes) => {
    loaded += bytes;
    onProgress("download", loaded, index.bytes);
  };
  count(0);
  const work = async () => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      files.set(entry.path, await fetchFile(url, entry, count, fetch, aborter.signal));
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
  } catch (error) {
    aborter.abort();
    throw error;
  }
  return files;
}

/** One file; a second try for what a weak network or a stale cache on the way can explain. */
async function fetchFile(
  /** @type {string} */ url,
  /** @type {FileEntry} */ entry,
  /** @type {(bytes: number) => void} */ count,
  /** @type {Fetch} */ fetch,
  /** @type {AbortSignal} */ signal,
) {
  // The hash in the address keeps caches on the way from mixing two versions of a model.
  const address = `${url}${entry.path}?v=${entry.sha256.slice(0, 16)}`;
  let trouble;
  for (const cache of /** @type {RequestCache[]} */ (["default", "reload"])) {
    let received = 0;
    try {
      const response = await fetch(address, { cache, signal });
      if (!response.ok) throw new Trouble("missing_file", `${entry.path} (HTTP ${response.status})`);
      const content = await readBody(response, entry, (bytes) => {
        received += bytes;
        count(bytes);
      });
      if (content && (await sha256(content)) === entry.sha256) return content;
      trouble = new Trouble("wrong_hash", entry.path);
    } catch (error) {
      if (signal.aborted) throw error;
      trouble = error instanceof Trouble ? error : new Trouble("offline", `${entry.path}: ${error}`);
    }
    count(-received);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
  throw trouble;
}

/** @returns {Promise<Bytes | null>} Null when the length is not the expected one. */
async function readBody(
  /** @type {Response} */ response,
  /** @type {FileEntry} */ entry,
  /** @type {(bytes: number) => void} */ count,
) {
  const content = new Uint8Array(entry.bytes);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return filled === entry.bytes ? content : null;
    if (filled + value.length > entry.bytes) {
      await reader.cancel();
      return null;
    }
    content.set(value, filled);
    filled += value.length;
    count(value.length);
  }
}

/** The Cache API's side: one cache for each version of the model, complete when it holds its index. */
class KeptFiles {
  constructor(/** @type {string} */ url, /** @type {CacheStorage | undefined} */ caches) {
    this.url = url;
    this.caches = caches;
    this.prefix = `tf_gpt2 model ${url} `;
  }

  /** @returns {Promise<Bytes | null>} The index of a complete version, if there is one. */
  async newestIndex() {
    try {
      for (const name of (await this.names()).reverse()) {
        const response = await (await this.open(name)).match(this.url + INDEX);
        if (response) return new Uint8Array(await response.arrayBuffer());
      }
    } catch {} // storage switched off: nothing is kept
    return null;
  }

  async read(/** @type {string} */ hash, /** @type {BundleIndex} */ index, /** @type {OnProgress} */ onProgress) {
    try {
      const name = this.prefix + hash;
      if (!(await this.names()).includes(name)) return null;
      const cache = await this.open(name);
      if (!(await cache.match(this.url + INDEX))) return null;
      const files = new Map();
      let loaded = 0;
      for (const { path, bytes, sha256: expected } of index.files) {
        const response = await cache.match(this.url + path);
        const content = response && new Uint8Array(await response.arrayBuffer());
        if (!content || (await sha256(content)) !== expected) return null;
        files.set(path, content);
        onProgress("cache", (loaded += bytes), index.bytes);
      }
      return files;
    } catch {
      return null;
    }
  }

  /** Keeps a new version and drops all others, unfinished ones too. The index goes last: it means "complete". */
  async write(/** @type {string} */ hash, /** @type {Bytes} */ raw, /** @type {Map<string, Bytes>} */ files) {
    const name = this.prefix + hash;
    try {
      await this.clear();
      const cache = await this.open(name);
      for (const [path, content] of files) await cache.put(this.url + path, new Response(content));
      await cache.put(this.url + INDEX, new Response(raw));
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
