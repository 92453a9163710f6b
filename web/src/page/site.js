/** What site.json tells the page, checked when it is read: a host or an editor may have changed the file. */

import { FIELDS } from "./settings.js";

/**
 * @typedef {object} Measure
 * @property {"characters" | "words"} unit
 * @property {number} least Units that make a run a copy.
 * @property {number | null} baseline The author's own share of copies, of text held out; null when nothing was.
 *
 * @typedef {object} Sample A passage that the model wrote when the site was made.
 * @property {string} book Empty when it comes from none.
 * @property {string} prompt
 * @property {string} text
 * @property {string} [other] What another model wrote after the prompt; where `compared` is.
 *
 * @typedef {object} Site
 * @property {string} name
 * @property {string[]} books Titles.
 * @property {number} parameters
 * @property {number} layers
 * @property {number} context Tokens that the model sees.
 * @property {"character" | "token"} unit What a token is called.
 * @property {number | null} validation_loss Nats a token; null when unknown.
 * @property {string} date Of the weights, in ISO 8601.
 * @property {Record<string, number>} generation The model's sampling settings, by the names of transformers.
 * @property {string} dtype Of the weights as they are downloaded.
 * @property {number} bytes Of the download.
 * @property {import("../runtime/originality/store.js").Description & Measure} [originality] Of what tells copies of the
 *   training text; left out where the site has nothing of the kind.
 * @property {string[]} openings
 * @property {Sample[]} samples
 * @property {{name: string}} [compared] The other model.
 */

const isText = (/** @type {unknown} */ value) => typeof value === "string";
const isNumber = Number.isFinite;
const isList = (/** @type {unknown} */ value, /** @type {(entry: any) => boolean} */ check) =>
  Array.isArray(value) && value.every(check);

/** @type {Record<keyof Site, (value: any) => boolean>} */
const CHECKS = {
  name: isText,
  books: (value) => isList(value, isText),
  parameters: isNumber,
  layers: isNumber,
  context: isNumber,
  unit: (value) => value === "character" || value === "token",
  validation_loss: (value) => value === null || isNumber(value),
  date: (value) => isText(value) && !Number.isNaN(Date.parse(value)),
  generation: (value) => FIELDS.every(({ generation }) => !generation || isNumber(value?.[generation])),
  dtype: isText,
  bytes: isNumber,
  originality: (value) =>
    value === undefined || value === null || (["index", "hashes"].includes(value.kind) && isNumber(value.bytes)),
  openings: (value) => isList(value, isText),
  samples: (value) => isList(value, (sample) => [sample?.book, sample?.prompt, sample?.text].every(isText)),
  compared: (value) => value === undefined || isText(value?.name),
};

/**
 * @param {any} content What site.json holds.
 * @returns {string} The first entry that is missing or of a wrong type; empty when all are right, and then the content
 *   is a `Site`.
 */
export function wrongEntry(content) {
  const names = /** @type {(keyof Site)[]} */ (Object.keys(CHECKS));
  const wrong = names.find((name) => !CHECKS[name](content?.[name]));
  if (wrong || !content.compared) return wrong ?? "";
  return content.samples.every((/** @type {Sample} */ { other }) => isText(other)) ? "" : "samples";
}
