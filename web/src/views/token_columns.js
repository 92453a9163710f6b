/** The text twice, in columns beside each other: the tokens that look, a list box, and those that are looked at. */

import { create } from "../page/dom.js";
import { labels } from "./labels.js";

/** Where keys lead to. @type {Record<string, (now: number, last: number) => number>} */
const STEPS = {
  ArrowDown: (now) => now + 1,
  ArrowUp: (now) => now - 1,
  PageDown: (now) => now + 10,
  PageUp: (now) => now - 10,
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * @typedef {"query" | "key"} Side
 * @typedef {object} Told
 * @property {(side: Side, place: number | null) => void} onLook What the pointer is at.
 * @property {(place: number) => void} onTap
 * @property {(place: number) => void} onStep A key leads to a token.
 * @property {() => void} onAll Escape: all lines again.
 */

let columns = 0;

export class TokenColumns {
  /**
   * @param {import("./shared.js").Shared} shared
   * @param {Told} told
   */
  constructor(shared, told) {
    this.shared = shared;
    this.told = told;
    this.shownBytes = shared.showBytes;
    this.name = `inside-column-${++columns}`;
    const names = labels(shared.source.tokens, shared.showBytes);
    this.query = this.column("query", names);
    this.key = this.column("key", names);
    this.query.tabIndex = 0;
    this.query.setAttribute("role", "listbox");
    this.query.setAttribute("aria-label", shared.say("queryList"));
    /** @type {any[]} */
    this.options = [...this.query.children];
    for (const [place, option] of this.options.entries()) {
      option.setAttribute("role", "option");
      option.id = `${this.name}-${place}`;
    }
    this.key.setAttribute("aria-hidden", "true");
    this.query.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.keyed(event));
  }

  /** Marks a token. @param {number} place */
  choose(place) {
    for (const option of this.query.querySelectorAll("[aria-selected=true]")) {
      option.setAttribute("aria-selected", "false");
    }
    const now = this.options[place];
    if (!now) return;
    now.setAttribute("aria-selected", "true");
    this.query.setAttribute("aria-activedescendant", now.id);
  }

  /** @private @param {Side} side @param {string[]} names */
  column(side, names) {
    const { told } = this;
    const list = create("div", { class: `inside-column ${side}` });
    for (const [place, name] of names.entries()) {
      const item = create("div", { class: "inside-row", dir: "auto" }, name);
      item.dataset.place = String(place);
      list.append(item);
    }
    list.addEventListener("pointerover", (/** @type {Event} */ event) => told.onLook(side, placeOf(event)));
    list.addEventListener("pointerleave", () => told.onLook(side, null));
    list.addEventListener("click", (/** @type {Event} */ event) => {
      const place = placeOf(event);
      if (place !== null) told.onTap(place);
    });
    return list;
  }

  /** @private */
  keyed(/** @type {KeyboardEvent} */ event) {
    if (event.key === "Escape") this.told.onAll();
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.options.length - 1;
    const place = Math.max(0, Math.min(last, step(this.shared.token, last)));
    this.told.onStep(place);
    this.options[place]?.scrollIntoView({ block: "nearest" });
  }
}

/** @returns {number | null} */
function placeOf(/** @type {Event} */ { target }) {
  const item = target instanceof Element ? target.closest("[data-place]") : null;
  return item instanceof HTMLElement ? Number(item.dataset.place) : null;
}
