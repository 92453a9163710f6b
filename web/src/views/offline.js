/** A file that tf_gpt2/inspection/document.py wrote: shows the views of the numbers that stand in it. */

import { create } from "../page/dom.js";
import { chooseLanguage } from "../page/language.js";
import { openPayload } from "./file_source.js";
import { show } from "./main.js";
import { text } from "./strings.js";

const root = /** @type {HTMLElement} */ (document.getElementById("inspection"));
const data = /** @type {HTMLElement} */ (document.getElementById("payload"));

let language = chooseLanguage(navigator.languages);
try {
  const payload = JSON.parse(data.textContent ?? "");
  language = payload.language ?? language;
  document.documentElement.lang = language;
  // The views' own headings are of the fourth rank, as the page needs them; these stand above for who hears a page.
  const view = create("h3", { class: "hidden-visually" });
  const place = create("div");
  root.append(create("h2", { class: "hidden-visually" }, text(language, "views")), view, place);
  show(place, openPayload(payload, language), {
    views: payload.views,
    language,
    onView: (name) => {
      view.textContent = text(language, /** @type {any} */ (`view_${name}`));
    },
  });
} catch (error) {
  root.textContent = `${text(language, "failed")} ${error instanceof Error ? error.message : error}`;
}
