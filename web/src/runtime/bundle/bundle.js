/**
 * Fetches a bundle: every byte counted, every file checked against its hash, and kept for the next visit as a whole or
 * not at all. Formats: export/browser/bundle.py.
 */

import { Trouble } from "../trouble.js";
import { INDEX_FILE, KeptFiles } from "./kept_files.js";
import { Room } from "./room.js";
import { sha256 } from "./sha256.js";

export const BUNDLE_VERSION = 4;
const FORMAT = "tf_gpt2-bundle";
const PARALLEL = 4;
const RETRY_MILLISECONDS = 300;

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {typeof globalThis.fetch} Fetch
 * @typedef {{path: string, bytes: number, sha256: string}} FileEntry
 * @typedef {{kind: "characters" | "bpe" | "other", end_of_text_id: number, vocabulary_size: number}} TokenizerFacts
 * @typedef {{format: string, version: number, dtype: string, parameters: number, bytes: number, files: FileEntry[],
 *   tokenizer: TokenizerFacts, shards: string[], int8: Record<string, {shape: number[], channel_axis: number}>}}
 *   BundleIndex
 * @typedef {{hash: string, index: BundleIndex, files: Map<string, Bytes>, weights: () => Bytes, fromCache: boolean,
 *   storage: "stored" | "full" | "unavailable"}} Bundle `files` has all but the shards; these lie in `weights`, one after
 *   the other.
 * @typedef {(phase: "download" | "cache", loaded: number, total: number) => void} OnProgress
 */

/**
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {OnProgress} onProgress
 * @param {{fetch: Fetch, caches: CacheStorage | undefined,
 *   allocate?: import("./room.js").Allocate}} environment
 * @returns {Promise<Bundle>}
 * @throws {Trouble}
 */
export async function loadBundle(url, onProgress, environment) {
  const kept = new KeptFiles(url, environment.caches);
  const raw = (await fetchIndex(url, environment.fetch)) ?? (await kept.newestIndex());
  if (!raw) throw new Trouble("offline", url);
  const index = parseIndex(raw);
  const name = await sha256(raw);
  const room = new Room(index, environment.allocate);
  const fromCache = await kept.read(name, room, onProgress);
  if (!fromCache) await download(url, room, onProgress, environment.fetch);
  const storage = fromCache ? "stored" : await kept.write(name, raw, room);
  return { hash: name, index, files: room.files, weights: room.weights, fromCache, storage };
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
    throw new Trouble("bundle_damaged", `${INDEX_FILE}: ${error}`);
  }
  if (index?.format !== FORMAT) throw new Trouble("bundle_damaged", INDEX_FILE);
  if (index.version !== BUNDLE_VERSION) throw new Trouble("bundle_version", String(index.version));
  const wrong = wrongField(index);
  if (wrong) throw new Trouble("bundle_damaged", `${INDEX_FILE}: ${wrong}`);
  return index;
}

/** @returns {string | undefined} Name of the first field that is missing or of another type than it should be. */
function wrongField(/** @type {any} */ index) {
  const texts = (/** @type {any} */ list) => Array.isArray(list) && list.every((one) => typeof one === "string");
  const record = (/** @type {any} */ value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const { tokenizer, int8 } = index;
  /** @type {[name: string, right: () => boolean][]} */
  const fields = [
    ["dtype", () => typeof index.dtype === "string"],
    ["parameters", () => isCount(index.parameters)],
    ["bytes", () => isCount(index.bytes)],
    ["files", () => Array.isArray(index.files) && index.files.every(isFileEntry)],
    ["shards", () => texts(index.shards)],
    ["int8", () => record(int8) && Object.values(int8).every(isMatrix)],
    ["tokenizer", () => record(tokenizer)],
    ["tokenizer.kind", () => ["characters", "bpe", "other"].includes(tokenizer.kind)],
    ["tokenizer.vocabulary_size", () => isCount(tokenizer.vocabulary_size)],
    ["tokenizer.end_of_text_id", () => isBelow(tokenizer.end_of_text_id, tokenizer.vocabulary_size)],
  ];
  return fields.find(([, right]) => !right())?.[0];
}

function isCount(/** @type {any} */ value) {
  return Number.isSafeInteger(value) && value >= 0;
}

function isBelow(/** @type {any} */ value, /** @type {number} */ limit) {
  return isCount(value) && value < limit;
}

function isFileEntry(/** @type {any} */ entry) {
  return typeof entry?.path === "string" && isCount(entry.bytes) && typeof entry.sha256 === "string";
}

function isMatrix(/** @type {any} */ matrix) {
  const { shape, channel_axis: axis } = matrix ?? {};
  return Array.isArray(shape) && shape.length === 2 && shape.every(isCount) && isBelow(axis, 2);
}

/** @returns {Promise<Bytes | null>} Null when the network gives no answer. */
async function fetchIndex(/** @type {string} */ url, /** @type {Fetch} */ fetch) {
  let response;
  try {
    response = await fetch(url + INDEX_FILE, { cache: "no-cache" });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch {
    return null;
  }
  if (response.status === 404) throw new Trouble("missing_file", INDEX_FILE);
  return null; // a host in trouble; what is kept still works
}

async function download(
  /** @type {string} */ url,
  /** @type {Room} */ room,
  /** @type {OnProgress} */ onProgress,
  /** @type {Fetch} */ fetch,
) {
  const { index } = room;
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
      await fetchFile(url, entry, room, count, fetch, aborter.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
  } catch (error) {
    aborter.abort();
    throw error;
  }
}

/** One file; a second try for what a weak network or a stale cache on the way can explain. */
async function fetchFile(
  /** @type {string} */ url,
  /** @type {FileEntry} */ entry,
  /** @type {Room} */ room,
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
      const whole = await room.fill(entry, response, (bytes) => {
        received += bytes;
        count(bytes);
      });
      if (whole && (await sha256(room.at(entry.path))) === entry.sha256) return;
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
