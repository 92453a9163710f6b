/** What the model would say after each layer: a table of layers by positions. */

import { create, setText } from "../page/dom.js";
import { arrowGrid, reach } from "./arrow_grid.js";
import { labels, percent, visible } from "./labels.js";
import { Latest } from "./shared.js";

const COLUMNS = 12;

export class LensView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.latest = new Latest();
    this.from = -1;
    const button = (/** @type {any} */ key, /** @type {number} */ by) => {
      const element = create("button", { type: "button" }, shared.say(key));
      element.addEventListener("click", () => this.move(by));
      return element;
    };
    this.range = create("span", { class: "note", role: "status" });
    const row = create(
      "div",
      { class: "inside-choices" },
      button("earlier", -COLUMNS),
      this.range,
      button("later", COLUMNS),
    );
    this.place = create("div");
    /** @type {HTMLElement[][]} */
    this.buttons = [];
    arrowGrid(this.place, () => this.buttons);
    this.detail = create("div", { class: "inside-ten" });
    const intro = create("p", { class: "note" }, shared.say("lensIntro"));
    this.element = create("div", {}, intro, row, this.place, this.detail);
  }

  draw() {
    const { shared } = this;
    const { tokens } = shared.source;
    if (!tokens.length) return;
    const inside = this.from >= 0 && shared.token >= this.from && shared.token < this.from + COLUMNS;
    if (!inside) this.from = Math.max(0, Math.min(shared.token - COLUMNS + 2, tokens.length - COLUMNS));
    if (this.shown === `${this.from} ${shared.showBytes}`) return;
    this.open();
  }

  /** @private */
  move(/** @type {number} */ by) {
    const { shared } = this;
    const most = Math.max(0, shared.source.tokens.length - COLUMNS);
    this.from = Math.max(0, Math.min(most, this.from + by));
    shared.set({ position: this.from + Math.min(COLUMNS, shared.source.tokens.length) - 1 });
  }

  /** @private */
  open() {
    const { shared, from } = this;
    const { tokens } = shared.source;
    const to = Math.min(tokens.length, from + COLUMNS);
    this.shown = `${from} ${shared.showBytes}`;
    setText(this.range, shared.say("lensRange", { from: from + 1, to, all: tokens.length }));
    const wanted = this.latest.begin();
    shared.fill(this.place, async () => {
      const lens = await shared.source.lens(from, to);
      if (!wanted()) return;
      const rows = shared.source.shape.layers + 1;
      const size = /** @type {{size?: number}} */ (lens).size ?? 10;
      // A source may give all positions when it is asked for some.
      const columns = lens.ids.length / rows / size;
      const shift = columns === to - from ? from : 0;
      this.table(lens, from, to, (layer, at) => (layer * columns + at - shift) * size, size);
    });
  }

  /** @private */
  table(
    /** @type {import("./source.js").Lens} */ lens,
    /** @type {number} */ from,
    /** @type {number} */ to,
    /** @type {(layer: number, at: number) => number} */ start,
    /** @type {number} */ size,
  ) {
    const { shared } = this;
    const { tokens, shape } = shared.source;
    const names = labels(tokens, shared.showBytes);
    const places = Array.from({ length: to - from }, (_, at) => from + at);
    const textOf = (/** @type {number} */ id) =>
      visible((lens.texts instanceof Map ? lens.texts.get(id) : lens.texts[id]) ?? `#${id}`);
    const cell = (/** @type {number} */ layer, /** @type {number} */ at) => {
      const first = start(layer, at);
      const [id, share] = [lens.ids[first], lens.probabilities[first]];
      const button = create("button", { type: "button", class: "inside-lens", dir: "auto" }, textOf(id));
      button.style.background = `color-mix(in srgb, var(--view-before) ${Math.round(50 * share)}%, transparent)`;
      const values = { token: textOf(id), share: percent(share), layer, n: at + 1 };
      button.setAttribute("aria-label", shared.say("lensCell", values));
      button.title = percent(share);
      if (tokens[at + 1]?.id === id) button.classList.add("right");
      button.addEventListener("click", () => this.ten(lens, first, size, layer, at, textOf));
      return create("td", {}, button);
    };
    const layers = [...Array(shape.layers + 1).keys()].reverse();
    const rows = layers.map((layer) => {
      const words = layer ? shared.say("afterLayer", { n: layer }) : shared.say("afterEmbedding");
      return create("tr", {}, create("th", { scope: "row" }, words), ...places.map((at) => cell(layer, at)));
    });
    const header = places.map((at) => create("th", { scope: "col", dir: "auto" }, names[at]));
    const caption = create("caption", { class: "note" }, shared.say("lensCaption"));
    const head = create("thead", {}, create("tr", {}, create("td", {}), ...header));
    const table = create("table", { class: "inside-lens-table" }, caption, head, create("tbody", {}, ...rows));
    const scroller = create("div", { class: "inside-table", tabIndex: 0, role: "region" }, table);
    scroller.setAttribute("aria-label", shared.say("view_lens"));
    this.place.replaceChildren(scroller);
    this.buttons = rows.map((/** @type {HTMLElement} */ row) => [...row.querySelectorAll("button")]);
    reach(this.buttons);
    this.detail.replaceChildren();
  }

  /** @private */
  ten(
    /** @type {import("./source.js").Lens} */ { ids, probabilities },
    /** @type {number} */ first,
    /** @type {number} */ size,
    /** @type {number} */ layer,
    /** @type {number} */ at,
    /** @type {(id: number) => string} */ textOf,
  ) {
    const { shared } = this;
    const items = Array.from({ length: size }, (_, place) => {
      const share = probabilities[first + place];
      const bar = create("span", { class: "inside-bar before" });
      bar.style.width = `${100 * share}%`;
      const name = create("span", { class: "inside-name", dir: "auto" }, textOf(ids[first + place]));
      return create(
        "li",
        {},
        name,
        create("span", { class: "inside-tracks" }, bar),
        create("span", { class: "inside-figures" }, percent(share)),
      );
    });
    const name = labels(shared.source.tokens, shared.showBytes)[at];
    const title = create("h4", { tabIndex: -1 }, shared.say("lensTen", { n: at + 1, token: name, layer }));
    this.detail.replaceChildren(title, create("ol", { class: "inside-bars" }, ...items));
    title.focus({ preventScroll: true });
  }
}
