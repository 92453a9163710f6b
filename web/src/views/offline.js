/** A file that tf_gpt2/inspection/document.py wrote: shows the views of the numbers that stand in it. */

import { openPayload } from "./file_source.js";
import { show } from "./main.js";
import { text } from "./strings.js";

const root = /** @type {HTMLElement} */ (document.getElementById("inspection"));
const data = /** @type {HTMLElement} */ (document.getElementById("payload"));

/** @returns {import("./strings.js").Language} */
function ownLanguage() {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** @type {import("./strings.js").Language} */
let language = ownLanguage();
try {
  const payload = JSON.parse(data.textContent ?? "");
  language = payload.language ?? language;
  document.documentElement.lang = language;
  show(root, openPayload(payload, language), { views: payload.views, language });
} catch (error) {
  root.textContent = `${text(language, "failed")} ${error instanceof Error ? error.message : error}`;
}
