/** Fetches, keeps and opens what tells copies of the training text: export/browser/originality.py. */

import { fetchFile } from "../bundle/download.js";
import { ask, insist } from "../bundle/host.js";
import { KeptFiles } from "../bundle/kept_files.js";
import { sha256 } from "../bundle/sha256.js";
import { Trouble } from "../trouble.js";
import { FORMAT, openCopies, VERSION } from "./copies_file.js";

const DESCRIPTION_FILE = "originality.json";

/**
 * @typedef {object} Description
 * @property {"index" | "hashes"} kind
 * @property {string} model SHA-256 of the bundle.json of the model whose training text it is.
 * @property {string} corpus
 * @property {string} path
 * @property {number} bytes
 * @property {string} sha256
 *
 * @typedef {import("../bundle/bundle.js").Environment} Environment
 * @typedef {import("./copies_file.js").Copies} Copies
 */

/**
 * Opens what is kept for a model, else what the host has.
 *
 * @param {string} url The folder, with a slash at its end.
 * @param {string} model Hash of the model that it must belong to.
 * @param {Environment} environment
 * @param {{onProgress?: (loaded: number, total: number) => void, keptOnly?: boolean}} [options]
 * @returns {Promise<Copies | null>} Null when nothing is kept and nothing else is wanted.
 * @throws {Trouble} "originality_other" where it belongs to another model.
 */
export async function openOriginality(url, model, environment, { onProgress = () => {}, keptOnly = false } = {}) {
  const kept = new KeptFiles(url, environment.caches, "originality", DESCRIPTION_FILE);
  return (await openKept(kept, model)) ?? (keptOnly ? null : fromHost(kept, model, environment, onProgress));
}

async function openKept(/** @type {KeptFiles} */ kept, /** @type {string} */ model) {
  for (const { version, raw } of await kept.complete()) {
    const description = parse(raw);
    if (description?.model !== model) continue;
    const bytes = new Uint8Array(description.bytes);
    if (await version.read(description, () => bytes)) return openCopies(bytes, description.corpus);
    await version.reopen();
  }
  return null;
}

async function fromHost(
  /** @type {KeptFiles} */ kept,
  /** @type {string} */ model,
  /** @type {Environment} */ environment,
  /** @type {(loaded: number, total: number) => void} */ onProgress,
) {
  const raw = await fetchDescription(kept.url, environment);
  const description = parse(raw);
  if (!description) throw new Trouble("originality_damaged", DESCRIPTION_FILE);
  if (description.model !== model) throw new Trouble("originality_other", description.model);
  const version = kept.version(await sha256(raw));
  await kept.drop(async ({ hash }) => hash !== version.hash);
  const bytes = new Uint8Array(description.bytes);
  if (!(await version.read(description, () => bytes))) {
    let loaded = 0;
    const count = (/** @type {number} */ more) => onProgress((loaded += more), description.bytes);
    await fetchFile(kept.url, description, () => bytes, count, environment);
    await version.keep(description.path, bytes);
  }
  const copies = await openCopies(bytes, description.corpus);
  await version.close(raw);
  return copies;
}

function fetchDescription(/** @type {string} */ url, /** @type {Environment} */ { fetch, wait }) {
  return insist(async () => {
    const response = await ask(url + DESCRIPTION_FILE, DESCRIPTION_FILE, { cache: "no-cache" }, fetch);
    return new Uint8Array(await response.arrayBuffer());
  }, wait);
}

/** @returns {Description | null} Null where it is not as the exporter writes it. */
function parse(/** @type {Uint8Array} */ raw) {
  try {
    const content = JSON.parse(new TextDecoder().decode(raw));
    const { format, version, kind, model, corpus, path, bytes, sha256: hash } = content;
    const texts = [model, corpus, path, hash].every((value) => typeof value === "string");
    const known = format === FORMAT && version === VERSION && ["index", "hashes"].includes(kind);
    const file = /^[\w-]+\.bin$/.test(path) && Number.isSafeInteger(bytes) && bytes > 0 && bytes < 2 ** 31;
    return texts && known && file ? content : null;
  } catch {
    return null;
  }
}
