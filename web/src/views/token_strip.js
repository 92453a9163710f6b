/** The text, token by token, to choose one: a list box that one tab stop reaches and arrows go through. */

import { create } from "../page/dom.js";
import { labels } from "./labels.js";

/**
 * @typedef {object} StripOptions
 * @property {import("./source.js").Token[]} [tokens] The source's where they are left out.
 * @property {() => number} [chosen] Which one is chosen, with `choose`, where it is not the one that all views look at.
 * @property {(place: number) => void} [choose]
 * @property {boolean} [end] Whether the place after the last token can be chosen.
 * @property {(option: any, place: number) => void} [dress] What else an option is to show.
 * @property {(place: number | null) => void} [onLook] Which one the pointer or the keyboard is at.
 */

export class TokenStrip {
  /**
   * @param {import("./shared.js").Shared} shared
   * @param {StripOptions} [options]
   */
  constructor(shared, options = {}) {
    this.shared = shared;
    this.options = options;
    this.element = create("div", { class: "inside-strip", dir: "auto", tabIndex: 0 });
    this.element.setAttribute("role", "listbox");
    this.element.setAttribute("aria-label", shared.say("chooseToken"));
    this.element.addEventListener("click", (/** @type {MouseEvent} */ { target }) => {
      const place = this.placeOf(target);
      if (place !== null) this.choose(place);
    });
    this.element.addEventListener("pointerover", (/** @type {PointerEvent} */ { target }) =>
      options.onLook?.(this.placeOf(target)),
    );
    this.element.addEventListener("pointerleave", () => options.onLook?.(null));
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    this.build();
  }

  get tokens() {
    return this.options.tokens ?? this.shared.source.tokens;
  }

  /** @private */
  choose(/** @type {number} */ place) {
    if (this.options.choose) this.options.choose(place);
    else this.shared.set({ position: place });
  }

  /** @private */
  chosen() {
    if (this.options.chosen) return this.options.chosen();
    return this.options.end ? this.shared.position : this.shared.token;
  }

  build() {
    const { shared, options } = this;
    const tokens = this.tokens;
    const names = labels(tokens, shared.showBytes);
    this.shownBytes = shared.showBytes;
    /** @type {any[]} */
    this.options_ = names.map((name, place) => this.option(name, place));
    if (options.end) this.options_.push(this.option("▸", tokens.length, shared.say("afterEnd")));
    const parts = this.options_.flatMap((option, place) =>
      tokens[place]?.text.includes("\n") ? [option, create("br")] : [option],
    );
    this.element.replaceChildren(...parts);
    this.draw();
  }

  /** @private */
  option(/** @type {string} */ name, /** @type {number} */ place, label = "") {
    const option = create("span", { class: "inside-token", id: `${stripId(this)}-${place}` }, name);
    option.setAttribute("role", "option");
    option.dataset.place = String(place);
    if (label) option.setAttribute("aria-label", label);
    this.options.dress?.(option, place);
    return option;
  }

  draw() {
    if (this.shownBytes !== this.shared.showBytes) this.build();
    const chosen = this.chosen();
    const before = this.element.querySelector("[aria-selected=true]");
    const now = this.options_?.[chosen];
    if (before !== now) before?.setAttribute("aria-selected", "false");
    now?.setAttribute("aria-selected", "true");
    if (now) this.element.setAttribute("aria-activedescendant", now.id);
  }

  /** @private @returns {number | null} */
  placeOf(/** @type {EventTarget | null} */ target) {
    const option = target instanceof Element ? target.closest("[data-place]") : null;
    return option instanceof HTMLElement ? Number(option.dataset.place) : null;
  }

  /** @private */
  key(/** @type {KeyboardEvent} */ event) {
    const last = this.tokens.length - (this.options.end ? 0 : 1);
    const now = this.chosen();
    const to = {
      ArrowLeft: now - 1,
      ArrowUp: now - 1,
      ArrowRight: now + 1,
      ArrowDown: now + 1,
      PageUp: now - 20,
      PageDown: now + 20,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const position = Math.max(0, Math.min(last, to));
    this.choose(position);
    this.options_?.[position]?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    this.options.onLook?.(position);
  }
}

let strips = 0;
/** @type {WeakMap<TokenStrip, string>} */
const names = new WeakMap();

/** An id of its own for each strip, since a page may have several. */
function stripId(/** @type {TokenStrip} */ strip) {
  const name = names.get(strip) ?? `inside-strip-${++strips}`;
  names.set(strip, name);
  return name;
}
