/** Another model's passages beside this one's: the same opening, two continuations, over the whole width of the page. */

import { byId, create, setText } from "./dom.js";
import { text } from "./strings.js";

/** @typedef {import("./site.js").Site} Site */

export class ComparedView {
  constructor() {
    /** @type {HTMLElement | null} Null until a site with another model is there. */
    this.other = null;
    /** @type {import("./site.js").Sample | null} */
    this.shown = null;
  }

  /** @param {import("./state.js").State} state */
  draw({ site, sample, language }) {
    if (!site?.compared || !site.samples.length) return;
    const other = this.other ?? this.build(site, site.compared.name);
    setText(byId("samples-title"), text(language, "comparedTitle"));
    const shown = site.samples[sample];
    if (this.shown === shown) return;
    this.shown = shown;
    other.replaceChildren(create("span", { class: "opening-text" }, shown.prompt), shown.other ?? "");
    other.scrollTop = byId("sample-text").scrollTop = 0;
  }

  /** Makes the second column, and takes the passages out of the narrow one. @private */
  build(/** @type {Site} */ site, /** @type {string} */ name) {
    const ours = byId("sample-text");
    this.other = create("blockquote", { id: "other-text", dir: "auto", lang: ours.lang, tabIndex: 0 });
    const figure = ours.parentElement;
    const pair = create("div", { class: "pair" }, column(site.name, ours, ours.lang));
    pair.append(column(name, /** @type {HTMLElement} */ (this.other), ours.lang));
    figure?.append(pair);
    byId("samples").classList.add("compared");
    document.querySelector("main")?.append(byId("samples"));
    return /** @type {HTMLElement} */ (this.other);
  }
}

/** @param {string} name @param {HTMLElement} passage @param {string} lang */
function column(name, passage, lang) {
  return create("div", {}, create("h3", { dir: "auto", lang }, name), passage);
}
