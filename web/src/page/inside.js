/** The way inside the model: fetches the views when a visitor opens them, and tells them of the text on the desk. */

import { create } from "./dom.js";
import { lastRun } from "./manuscript/run.js";
import { modelOf } from "./state.js";
import { text } from "./strings.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("../views/in_page.js").InsidePanel} InsidePanel
 */

const SCRIPT = "./inside.js";
const STYLE = "inside_style.css";

export class Inside {
  /**
   * @param {import("./live_page.js").LivePage} page
   * @param {import("./desk.js").Desk} desk
   * @param {(settings: object) => void} changeSettings
   */
  constructor(page, desk, changeSettings) {
    this.page = page;
    this.desk = desk;
    this.changeSettings = changeSettings;
    this.column = 0;
    /** @type {number | null} Where in the text to look first. */
    this.caret = null;
    /** @type {InsidePanel | null} */
    this.panel = null;
    this.coming = false;
    this.trouble = false;
    this.place = /** @type {HTMLElement} */ (document.getElementById("inside-view"));
    this.details = /** @type {HTMLDetailsElement} */ (document.getElementById("inside"));
    this.details.addEventListener("toggle", () => this.follow(this.page.state));
  }

  /** Opens the views of a text. @param {number} column @param {number | null} caret */
  open(column, caret) {
    this.column = column;
    this.caret = caret;
    this.details.open = true;
    this.details.scrollIntoView({ block: "start" });
    this.details.querySelector("summary")?.focus({ preventScroll: true });
    this.panel?.forget();
    this.follow(this.page.state);
  }

  /** The caret was moved to a character. @param {number} column @param {number} caret */
  look(column, caret) {
    if (!this.details.open || !this.panel) return;
    if (column !== this.column) this.panel.forget();
    this.column = column;
    this.caret = caret;
    this.follow(this.page.state);
    this.panel.look(caret);
  }

  /** @param {State} state */
  follow(state) {
    if (!this.details.open) return;
    if (state.phase !== "ready") {
      if (!this.panel) this.offerModel(state);
      return;
    }
    if (!this.panel) {
      this.fetch(state);
      return;
    }
    if (state.running || state.queue.length) return;
    const { manuscript, language, settings } = state;
    const column = Math.min(this.column, manuscript.tips.length - 1);
    const model = modelOf(state);
    const tip = manuscript.tips[column];
    const run = tip === undefined ? { prompt: manuscript.draft, newIds: [], draws: [] } : null;
    this.panel.show({
      key: `${manuscript.id} ${tip ?? -1} ${run?.prompt ?? JSON.stringify(manuscript.passages[tip].text)}`,
      run: () => run ?? lastRun(manuscript, tip, model),
      settings: /** @type {any} */ (settings),
      language,
      caret: this.caret,
      take: tip === undefined ? null : (at, token) => this.desk.branchAt(column, at, token),
    });
  }

  /** Nothing can be seen of a model that is not there; it is not fetched unasked. @private */
  offerModel(/** @type {State} */ { language, phase }) {
    const word = phase === "loading" ? "insideLoading" : "insideNoModel";
    const button = create("button", { type: "button" }, text(language, "insideLoad"));
    button.addEventListener("click", () => this.desk.load());
    const sentence = create("p", { class: "note" }, text(language, word));
    this.place.replaceChildren(sentence, ...(phase === "loading" ? [] : [button]));
  }

  /** @private */
  async fetch(/** @type {State} */ { language }) {
    if (this.coming) return;
    this.coming = true;
    this.place.replaceChildren(create("p", { class: "note" }, text(language, "insideComing")));
    try {
      const { InsidePanel } = await import(SCRIPT);
      if (!document.querySelector(`link[href="${STYLE}"]`)) {
        document.head.append(create("link", { rel: "stylesheet", href: STYLE }));
      }
      this.panel = new InsidePanel(this.place, {
        ask: (/** @type {any} */ question) => this.desk.ask(question),
        onSettings: (/** @type {any} */ settings) => this.changeSettings(settings),
      });
      this.follow(this.page.state);
    } catch (error) {
      const again = create("button", { type: "button" }, text(language, "retry"));
      again.addEventListener("click", () => this.follow(this.page.state));
      const sentence = `${text(language, "insideMissing")} ${String(error).slice(0, 200)}`;
      this.place.replaceChildren(create("p", { class: "note" }, sentence), again);
    }
    this.coming = false;
  }
}
