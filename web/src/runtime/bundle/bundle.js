/**
 * Opens a bundle. What is kept on the device is opened first, whatever the network says; only where nothing complete is
 * kept are files fetched, each checked against its hash and kept as it comes, so that a download that was broken off
 * goes on where it was. Formats: export/browser/bundle.py.
 */

import { fetchFile, fetchIndex, inTurns } from "./download.js";
import { parseIndex } from "./index_file.js";
import { KeptFiles } from "./kept_files.js";
import { Room } from "./room.js";
import { sha256 } from "./sha256.js";

const PARALLEL = 4;

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {import("./index_file.js").BundleIndex} BundleIndex
 * @typedef {import("./index_file.js").FileEntry} FileEntry
 * @typedef {{fetch: import("./host.js").Fetch, caches: CacheStorage | undefined, wait?: import("./host.js").Wait,
 *   allocate?: import("./room.js").Allocate}} Environment
 * @typedef {{hash: string, index: BundleIndex, files: Map<string, Bytes>, weights: () => Bytes, fromCache: boolean,
 *   storage: "stored" | "full" | "unavailable"}} Bundle `hash` is that of bundle.json, which names all others: it says which
 *   model this is. `files` has all but the shards; these lie in `weights`, one after the other.
 * @typedef {(phase: "download" | "cache", loaded: number, total: number) => void} OnProgress
 */

/**
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {OnProgress} onProgress
 * @param {Environment} environment
 * @param {string} [wanted] Hash of the version to open, if it is still kept: the one that a page is using.
 * @returns {Promise<Bundle>}
 * @throws {import("../trouble.js").Trouble}
 */
export async function loadBundle(url, onProgress, environment, wanted = "") {
  const kept = new KeptFiles(url, environment.caches);
  return (await openKept(kept, onProgress, environment, wanted)) ?? fromHost(kept, onProgress, environment);
}

/**
 * Whether a complete bundle is kept, so that opening it costs no download.
 *
 * @param {string} url
 * @param {CacheStorage | undefined} caches
 */
export async function isKept(url, caches) {
  return (await readable(new KeptFiles(url, caches))).length > 0;
}

/** The kept versions that this page can read, the newest first. */
async function readable(/** @type {KeptFiles} */ kept) {
  return (await kept.complete()).flatMap((complete) => {
    try {
      return [{ ...complete, index: parseIndex(complete.raw) }];
    } catch {
      return []; // of another page's format, say
    }
  });
}

/** @returns {Promise<Bundle | null>} Null when nothing complete is kept. */
async function openKept(
  /** @type {KeptFiles} */ kept,
  /** @type {OnProgress} */ onProgress,
  /** @type {Environment} */ environment,
  /** @type {string} */ wanted,
) {
  const found = await readable(kept);
  const chosen = found.find(({ version }) => version.hash === wanted) ?? found[0];
  if (!chosen) return null;
  const { version, index } = chosen;
  const room = new Room(index, environment.allocate);
  if (!(await readAll(version, room, onProgress))) {
    await version.reopen();
    return null;
  }
  // Nobody asked for an older one, and the newest has shown that it can be read.
  if (chosen === found[0]) {
    await kept.drop(async (other) => other.hash !== version.hash && (await other.isComplete()));
  }
  return asBundle(version, room, true);
}

async function readAll(
  /** @type {import("./kept_files.js").KeptVersion} */ version,
  /** @type {Room} */ room,
  /** @type {OnProgress} */ onProgress,
) {
  let loaded = 0;
  for (const entries of [room.first, room.shards]) {
    for (const entry of entries) {
      if (!(await version.read(entry, () => room.at(entry.path)))) return false;
      onProgress("cache", (loaded += entry.bytes), room.index.bytes);
    }
    room.reserve();
  }
  return true;
}

/** @returns {Promise<Bundle>} */
async function fromHost(
  /** @type {KeptFiles} */ kept,
  /** @type {OnProgress} */ onProgress,
  /** @type {Environment} */ environment,
) {
  const { raw, index } = await fetchIndex(kept.url, environment);
  const version = kept.version(await sha256(raw));
  await kept.drop(async ({ hash }) => hash !== version.hash);
  const room = new Room(index, environment.allocate);
  let loaded = 0;
  const count = (/** @type {number} */ bytes) => onProgress("download", (loaded += bytes), index.bytes);
  count(0);
  const obtain = async (/** @type {FileEntry} */ entry, /** @type {AbortSignal} */ signal) => {
    const place = () => room.at(entry.path);
    if (await version.read(entry, place)) return count(entry.bytes);
    await fetchFile(kept.url, entry, place, count, environment, signal);
    await version.keep(entry.path, place());
  };
  await inTurns(room.first, PARALLEL, obtain);
  room.reserve();
  await inTurns(room.shards, PARALLEL, obtain);
  await version.close(raw);
  return asBundle(version, room, false);
}

/** @returns {Bundle} */
function asBundle(
  /** @type {import("./kept_files.js").KeptVersion} */ { hash, storage },
  /** @type {Room} */ room,
  /** @type {boolean} */ fromCache,
) {
  const { index, files } = room;
  return { hash, index, files, weights: () => room.weights(), fromCache, storage };
}
