/** A newer version of a model that is kept: found, and fetched beside it while the kept one goes on writing. */

import { askForIndex, fetchFile } from "./download.js";
import { KeptFiles } from "./kept_files.js";
import { sha256 } from "./sha256.js";

/**
 * @typedef {import("./bundle.js").Environment} Environment
 * @typedef {{hash: string, raw: import("./bundle.js").Bytes, index: import("./index_file.js").BundleIndex,
 *   bytes: number}} Update `bytes` are those that are still to be fetched.
 */

/**
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {string} hash Of the version in use.
 * @param {Environment} environment
 * @returns {Promise<Update | null>} Null when the host has that version, or nothing that this page can read: that is no
 *   trouble, since the model at hand works.
 */
export async function findUpdate(url, hash, environment) {
  try {
    const found = await askForIndex(url, environment.fetch);
    const newer = await sha256(found.raw);
    if (newer === hash) return null;
    const version = new KeptFiles(url, environment.caches).version(newer);
    let bytes = 0;
    for (const entry of found.index.files) if (!(await version.has(entry.path))) bytes += entry.bytes;
    return { ...found, hash: newer, bytes };
  } catch {
    return null;
  }
}

/**
 * Fetches it file by file, with no more than one in memory; what has come stays when it is broken off. The version is
 * opened by the next `loadBundle`.
 *
 * @param {string} url
 * @param {Update} update
 * @param {Environment} environment
 * @param {(loaded: number, total: number) => void} [onProgress] Bytes of all.
 * @returns {Promise<"stored" | "full" | "unavailable">}
 * @throws {import("../trouble.js").Trouble}
 */
export async function fetchUpdate(url, { hash, raw, index }, environment, onProgress = () => {}) {
  const version = new KeptFiles(url, environment.caches).version(hash);
  let loaded = 0;
  const count = (/** @type {number} */ bytes) => onProgress((loaded += bytes), index.bytes);
  for (const entry of index.files) {
    const content = new Uint8Array(entry.bytes);
    if (await version.read(entry, () => content)) count(entry.bytes);
    else {
      await fetchFile(url, entry, () => content, count, environment);
      await version.keep(entry.path, content);
    }
    if (version.storage !== "stored") return version.storage;
  }
  await version.close(raw);
  return version.storage;
}
