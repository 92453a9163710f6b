/** What the page fetches when a visitor looks inside the model: the views, and what asks the worker for their numbers. */

import { create } from "../page/dom.js";
import { show } from "./main.js";
import { text } from "./strings.js";
import { WorkerSource } from "./worker_source.js";

export { show };

/**
 * @typedef {object} Wanted What is to be looked at.
 * @property {string} key Another one means another text.
 * @property {() => import("../page/manuscript/run.js").Run} run
 * @property {import("./source.js").SourceSettings} settings
 * @property {import("./strings.js").Language} language
 * @property {number | null} caret
 * @property {((at: number, token: string) => void) | null} take Has a branch begin in the text.
 */

export class InsidePanel {
  /**
   * @param {HTMLElement} root
   * @param {{ask: import("./worker_source.js").Ask, onSettings: (settings: any) => void}} page
   */
  constructor(root, page) {
    this.page = page;
    this.place = create("div");
    this.paste = create("details");
    /** @type {Wanted | null} */
    this.wanted = null;
    this.shown = "";
    /** @type {string | null} Text that was pasted in, to be looked at instead of the desk's. */
    this.pasted = null;
    /** @type {ReturnType<typeof show> | null} */
    this.views = null;
    /** @type {WorkerSource | null} */
    this.source = null;
    this.view = "";
    this.buildPaste();
    root.replaceChildren(this.place, this.paste);
  }

  /** @param {Wanted} wanted */
  show(wanted) {
    if (this.wanted?.language !== wanted.language) this.shown = "";
    const first = this.wanted === null || this.wanted.language !== wanted.language;
    this.wanted = wanted;
    if (first) this.buildPaste();
    const key = `${this.pasted ?? wanted.key}`;
    // What gave way to writing is asked for again when that has ended.
    const gaveWay = this.place.querySelector(".inside-trouble[data-code=stopped]") !== null;
    if (this.shown !== key || gaveWay) {
      this.shown = key;
      this.open();
    } else if (this.views && this.views.shared.settings !== wanted.settings) {
      this.views.shared.set({ settings: wanted.settings });
    }
  }

  /** The next `show` begins anew, with the desk's text. */
  forget() {
    this.shown = "";
    this.pasted = null;
  }

  /** @param {number} caret A place in the desk's text. */
  look(caret) {
    const { source, views } = this;
    if (!source || !views || this.pasted !== null) return;
    const position = source.at(caret);
    if (position >= 0 && position <= source.tokens.length) views.shared.set({ position });
    else this.open(caret);
  }

  /** @private */
  async open(caret = this.wanted?.caret ?? null) {
    const { wanted, page } = this;
    if (!wanted) return;
    const key = this.shown;
    const run = this.pasted === null ? wanted.run() : { prompt: this.pasted, newIds: [], draws: [] };
    const { language, settings, take } = wanted;
    const say = (/** @type {any} */ word, values = {}) => text(language, word, values);
    this.place.setAttribute("aria-busy", "true");
    try {
      const source = await WorkerSource.open(page.ask, run, settings, caret);
      if (this.shown !== key) return;
      const all = source.facts.tokens.length;
      const part = source.tokens.length < all;
      this.source = Object.assign(source, {
        note: part ? say("window", { from: source.from + 1, to: source.to, all, limit: source.facts.limit }) : "",
      });
      const at = caret === null ? undefined : Math.max(0, source.at(caret));
      this.views = show(this.place, source, {
        language,
        position: at,
        view: this.view,
        onView: (name) => (this.view = name),
        onSettings: page.onSettings,
        onTake: take && this.pasted === null ? (place, _, token) => take(source.offsetOf(place), token) : undefined,
      });
      globalThis.dispatchEvent(new CustomEvent("inside-source", { detail: source }));
    } catch (error) {
      const code = /** @type {{code?: string}} */ (error).code ?? "";
      const sentence = say(`failed_${code}`) || `${say("failed")} ${error}`;
      const again = create("button", { type: "button" }, say("again"));
      again.addEventListener("click", () => this.open(caret));
      const trouble = create("p", { class: "inside-trouble" }, sentence);
      trouble.dataset.code = code;
      this.place.replaceChildren(trouble, again);
    }
    this.place.removeAttribute("aria-busy");
  }

  /** @private */
  buildPaste() {
    const say = (/** @type {any} */ word) => text(this.wanted?.language ?? "en", word);
    const area = create("textarea", { rows: 4, dir: "auto", spellcheck: false });
    area.setAttribute("aria-label", say("pasteLabel"));
    const look = create("button", { type: "button" }, say("pasteLook"));
    const back = create("button", { type: "button", class: "quiet" }, say("pasteBack"));
    look.addEventListener("click", () => {
      this.pasted = area.value;
      this.shown = area.value;
      this.open(null);
    });
    back.addEventListener("click", () => {
      this.forget();
      if (this.wanted) this.show(this.wanted);
    });
    const row = create("div", { class: "row" }, look, back);
    this.paste.replaceChildren(create("summary", {}, say("paste")), area, row);
  }
}
