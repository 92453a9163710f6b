/** What the page says: the sentences of a language by name, and figures as text. */

import { filled } from "./language.js";
import { en } from "./strings_en.js";
import { zh } from "./strings_zh.js";

/** @typedef {import("./language.js").Language} Language */
/** @typedef {keyof typeof zh} StringKey */

export const STRINGS = { zh, en };

/**
 * @param {Language} language
 * @param {StringKey} key
 * @param {Record<string, string | number>} [values]
 */
export function text(language, key, values = {}) {
  return filled(STRINGS[language][key], values);
}

/**
 * @param {number} bytes
 * @returns {string} In decimal megabytes, as browsers show downloads.
 */
export function megabytes(bytes) {
  const value = bytes / 1e6;
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} MB`;
}
