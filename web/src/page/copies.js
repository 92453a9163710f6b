/** The way to the copies of the training text: fetches what finds them when a visitor opens it, and tells it of the desk. */

import { byId, create, show } from "./dom.js";
import { wholeText } from "./manuscript/tree.js";
import { modelOf } from "./state.js";
import { text } from "./strings.js";

/** @typedef {import("./state.js").State} State */

const SCRIPT = "./originality.js";
const STYLE = "originality_style.css";

export class Copies {
  /** @param {import("./live_page.js").LivePage} page @param {string} url Of the folder beside the bundle. */
  constructor(page, url) {
    this.page = page;
    this.url = url;
    /** @type {import("./copies/panel.js").OriginalityPanel | null} */
    this.panel = null;
    this.coming = false;
    this.details = /** @type {HTMLDetailsElement} */ (byId("copies"));
    this.details.addEventListener("toggle", () => this.follow(page.state));
  }

  /** The caret was moved to a character. @param {number} column @param {number} caret */
  look(column, caret) {
    this.panel?.look(column, caret);
  }

  /** @param {State} state */
  follow(state) {
    const { site, manuscript, language } = state;
    show(this.details, Boolean(site?.originality));
    if (!site?.originality) return;
    if (!this.panel) {
      if (this.details.open) this.fetch(state);
      return;
    }
    this.panel.show({
      language,
      description: site.originality,
      model: modelOf(state) || site.originality.model,
      texts: this.details.open ? manuscript.tips.map((tip) => wholeText(manuscript, tip)) : [],
      writing: state.running ? manuscript.tips.indexOf(state.running.place) : -1,
    });
  }

  /** @private */
  async fetch(/** @type {State} */ { language }) {
    if (this.coming) return;
    this.coming = true;
    const place = byId("copies-view");
    try {
      const { OriginalityPanel } = await import(SCRIPT);
      if (!document.querySelector(`link[href="${STYLE}"]`)) {
        document.head.append(create("link", { rel: "stylesheet", href: STYLE }));
      }
      this.panel = new OriginalityPanel(place, this.url);
      this.follow(this.page.state);
    } catch {
      const again = create("button", { type: "button" }, text(language, "retry"));
      again.addEventListener("click", () => this.follow(this.page.state));
      place.replaceChildren(create("p", { class: "note" }, text(language, "insideMissing")), again);
    }
    this.coming = false;
  }
}
