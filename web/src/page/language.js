/** The reader's language, and sentences with something to fill in. */

/** @typedef {"zh" | "en"} Language */

/**
 * @param {readonly string[]} preferred Of the browser, best first.
 * @returns {Language}
 */
export function chooseLanguage(preferred) {
  for (const tag of preferred) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/**
 * @param {string} sentence With {name} where a value goes; a name without one stays.
 * @param {Record<string, string | number>} values
 */
export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
