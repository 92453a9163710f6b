/** A bundle's files from the host: every byte counted, every file checked against its hash. */

import { Trouble } from "../trouble.js";
import { ask, insist } from "./host.js";
import { INDEX_FILE, parseIndex } from "./index_file.js";
import { fill } from "./room.js";
import { sha256 } from "./sha256.js";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {import("./bundle.js").Environment} Environment
 * @typedef {import("./index_file.js").FileEntry} FileEntry
 */

/**
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {Environment} environment
 * @returns {Promise<{raw: Bytes, index: import("./index_file.js").BundleIndex}>}
 * @throws {Trouble}
 */
export function fetchIndex(url, { fetch, wait }) {
  return insist(() => askForIndex(url, fetch), wait);
}

/** As `fetchIndex`, with one request. @param {string} url @param {import("./host.js").Fetch} fetch */
export async function askForIndex(url, fetch) {
  const response = await ask(url + INDEX_FILE, INDEX_FILE, { cache: "no-cache" }, fetch);
  const raw = new Uint8Array(await whole(response));
  return { raw, index: parseIndex(raw) };
}

async function whole(/** @type {Response} */ response) {
  try {
    return await response.arrayBuffer();
  } catch (error) {
    throw new Trouble("offline", `${INDEX_FILE}: ${error}`); // broken off
  }
}

/**
 * Fetches one file, again where that may help.
 *
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {FileEntry} entry
 * @param {() => Bytes} place Where it goes.
 * @param {(bytes: number) => void} count Takes back what came in vain.
 * @param {Environment} environment
 * @param {AbortSignal} [signal]
 * @throws {Trouble}
 */
export async function fetchFile(url, entry, place, count, { fetch, wait }, signal) {
  // The hash in the address keeps caches on the way from mixing two versions of a model.
  const address = `${url}${entry.path}?v=${entry.sha256.slice(0, 16)}`;
  await insist(async (tried) => {
    let received = 0;
    try {
      const response = await ask(address, entry.path, { cache: tried ? "reload" : "default", signal }, fetch);
      const right = await fill(place, response, (bytes) => {
        received += bytes;
        count(bytes);
      });
      if (right && (await sha256(place())) === entry.sha256) return;
      throw new Trouble(isPage(response, entry) ? "web_page" : "wrong_hash", entry.path);
    } catch (error) {
      count(-received);
      if (signal?.aborted || error instanceof Trouble) throw error;
      throw new Trouble("offline", `${entry.path}: ${error}`); // broken off
    }
  }, wait);
}

/** Whether what is no file of the bundle calls itself a web page: a sign-in page of a network, say. */
function isPage(/** @type {Response} */ response, /** @type {FileEntry} */ { path }) {
  return /html/i.test(response.headers.get("content-type") ?? "") && !path.endsWith(".html");
}

/**
 * Some at once; when one fails, the others are broken off.
 *
 * @template T
 * @param {T[]} items
 * @param {number} parallel
 * @param {(item: T, signal: AbortSignal) => Promise<void>} work
 */
export async function inTurns(items, parallel, work) {
  const queue = [...items];
  const aborter = new AbortController();
  const turn = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      if (aborter.signal.aborted) return;
      await work(item, aborter.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, turn));
  } catch (error) {
    aborter.abort();
    throw error;
  }
}
