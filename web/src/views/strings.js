/** What the views say: the sentences of a language by name. */

import { filled } from "../page/language.js";
import { en } from "./strings_en.js";
import { zh } from "./strings_zh.js";

/**
 * @typedef {import("../page/language.js").Language} Language
 * @typedef {keyof typeof zh} Key
 */

export const STRINGS = { zh, en };

/**
 * @param {Language} language
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 * @returns {string} Empty where there is no such sentence.
 */
export function text(language, key, values = {}) {
  return filled(STRINGS[language][key] ?? "", values);
}
