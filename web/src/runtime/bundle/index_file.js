/** bundle.json, the index of a bundle, checked field by field. Written by export/browser/bundle.py. */

import { Trouble } from "../trouble.js";

export const INDEX_FILE = "bundle.json";
export const BUNDLE_VERSION = 4;
const FORMAT = "tf_gpt2-bundle";

/**
 * @typedef {import("./bundle.js").Bytes} Bytes
 * @typedef {{path: string, bytes: number, sha256: string}} FileEntry
 * @typedef {{kind: "characters" | "bpe" | "other", end_of_text_id: number, vocabulary_size: number}} TokenizerFacts
 * @typedef {{format: string, version: number, dtype: string, parameters: number, bytes: number, files: FileEntry[],
 *   tokenizer: TokenizerFacts, shards: string[], int8: Record<string, {shape: number[], channel_axis: number}>}}
 *   BundleIndex
 */

/**
 * @param {Bytes} raw The content of bundle.json.
 * @returns {BundleIndex}
 * @throws {Trouble} "web_page" when it is one instead, "bundle_version", "bundle_damaged".
 */
export function parseIndex(raw) {
  const content = new TextDecoder().decode(raw);
  let index;
  try {
    index = JSON.parse(content);
  } catch (error) {
    // What a network's sign-in page and many a host's "not found" answer, with a status that says all is well.
    if (/^\s*</.test(content)) throw new Trouble("web_page", INDEX_FILE);
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
