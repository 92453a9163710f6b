/** Why a token looks at another: query, key, their products element by element, the sum, the softmax. */

import { create, setText } from "../page/dom.js";
import { arrowGrid, reach } from "./arrow_grid.js";
import { paintSigned, paper } from "./colours.js";
import { labels, percent } from "./labels.js";
import { displayPicker, headPicker, layerPicker } from "./pickers.js";
import { Latest } from "./shared.js";
import { TokenStrip } from "./token_strip.js";

const DIGITS = 3;

export class NeuronView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.latest = new Latest();
    this.layer = 0;
    this.head = 0;
    this.expanded = true;
    /** The key whose numbers are written out. */
    this.key = 0;
    /** @type {number | null} The token that the pointer is at: its numbers show as long as it is. */
    this.looked = null;
    this.strip = new TokenStrip(shared, { onLook: (place) => this.look(place) });
    const layer = layerPicker(shared, (chosen) => this.change({ layer: chosen }));
    const head = headPicker(shared, (chosen) => this.change({ head: chosen }));
    this.toggle = create("button", { type: "button" });
    this.toggle.addEventListener("click", () => this.change({ expanded: !this.expanded }));
    const top = create(
      "div",
      { class: "inside-choices" },
      layer.label,
      head.label,
      displayPicker(shared),
      this.toggle,
    );
    this.place = create("div", { class: "inside-neurons" });
    /** @type {HTMLElement[][]} */
    this.buttons = [];
    arrowGrid(this.place, () => this.buttons);
    this.numbers = create("div", { class: "inside-numbers" });
    const intro = create("p", { class: "note" }, shared.say("neuronIntro"));
    this.element = create("div", {}, intro, this.strip.element, top, this.place, this.numbers);
  }

  draw() {
    const { shared } = this;
    this.strip.draw();
    setText(this.toggle, shared.say(this.expanded ? "collapse" : "expand"));
    this.toggle.setAttribute("aria-expanded", String(this.expanded));
    if (shared.token < 0) return;
    const wanted = this.latest.begin();
    shared.fill(this.place, async () => {
      const { queries, keys } = await shared.source.projections(this.layer);
      if (!wanted()) return;
      this.table(this.compute(queries, keys));
    });
  }

  /** @private */
  change(/** @type {Partial<Pick<NeuronView, "layer" | "head" | "expanded" | "key">>} */ change) {
    Object.assign(this, change);
    this.draw();
  }

  /** The token whose query shows. @private */
  get token() {
    return this.looked ?? this.shared.token;
  }

  /** @private */
  look(/** @type {number | null} */ place) {
    if (place === this.looked || (this.looked === null && place === this.shared.token)) return;
    this.looked = place;
    if (this.soon) return;
    this.soon = true;
    requestAnimationFrame(() => {
      this.soon = false;
      this.draw();
    });
  }

  /** Rows for all keys that a token sees. @private */
  compute(/** @type {Float32Array} */ queries, /** @type {Float32Array} */ keys) {
    const { source } = this.shared;
    const { token } = this;
    const depth = source.shape.headDim;
    const count = source.tokens.length;
    const row = (/** @type {Float32Array} */ all, /** @type {number} */ at) =>
      all.subarray((this.head * count + at) * depth, (this.head * count + at + 1) * depth);
    const query = row(queries, token);
    const rows = Array.from({ length: token + 1 }, (_, place) => {
      const key = row(keys, place);
      const products = query.map((value, at) => value * key[at]);
      const dot = products.reduce((sum, value) => sum + value, 0);
      return { place, key, products, dot, score: dot / Math.sqrt(depth), share: 0 };
    });
    const highest = Math.max(...rows.map(({ score }) => score));
    const total = rows.reduce((sum, { score }) => sum + Math.exp(score - highest), 0);
    for (const one of rows) one.share = Math.exp(one.score - highest) / total;
    if (Number.isNaN(total)) throw Object.assign(new Error("NaN"), { code: "nan" });
    return { query, rows };
  }

  /** @private */
  table(/** @type {ReturnType<NeuronView["compute"]>} */ { query, rows }) {
    const { shared, expanded } = this;
    const names = labels(shared.source.tokens, shared.showBytes);
    const most = (/** @type {Float32Array[]} */ all) =>
      Math.max(...all.map((values) => Math.max(...values.map(Math.abs))));
    const largest = {
      query: most([query]),
      key: most(rows.map(({ key }) => key)),
      product: most(rows.map((r) => r.products)),
    };
    const strip = (/** @type {Float32Array} */ values, /** @type {number} */ scale, /** @type {any} */ key) =>
      create("td", {}, vector(values, scale, this.words(key, values)));
    const head = ["neuronToken", ...(expanded ? ["query", "key", "product", "dot"] : []), "softmax"];
    const titles = head.map((key) => create("th", { scope: "col" }, shared.say(/** @type {any} */ (key))));
    const lines = rows.map(({ place, key, products, dot, share }) => {
      const name = create("button", { type: "button", class: "inside-key-token", dir: "auto" }, names[place]);
      name.setAttribute("aria-label", shared.say("writeOut", { token: names[place], n: place + 1 }));
      name.setAttribute("aria-pressed", String(place === this.key));
      name.addEventListener("click", () => this.change({ key: place }));
      const bar = create("span", { class: "inside-bar before" });
      bar.style.width = `${100 * share}%`;
      const vectors = expanded
        ? [
            strip(query, largest.query, "query"),
            strip(key, largest.key, "key"),
            strip(products, largest.product, "product"),
            create("td", { class: "figure" }, dot.toFixed(DIGITS)),
          ]
        : [];
      const last = create("td", { class: "figure" }, percent(share), bar);
      return create("tr", {}, create("th", { scope: "row" }, name), ...vectors, last);
    });
    const caption = create("caption", { class: "note" }, shared.say("neuronCaption", { token: names[this.token] }));
    const table = create(
      "table",
      {},
      caption,
      create("thead", {}, create("tr", {}, ...titles)),
      create("tbody", {}, ...lines),
    );
    const scroller = create("div", { class: "inside-table", tabIndex: 0, role: "region" }, table);
    scroller.setAttribute("aria-label", shared.say("view_neurons"));
    const focused = this.place.contains(document.activeElement);
    this.place.replaceChildren(scroller);
    this.buttons = lines.map((/** @type {HTMLElement} */ line) => [...line.querySelectorAll("button")]);
    const [button] = this.buttons[Math.min(this.key, rows.length - 1)];
    reach(this.buttons, button);
    if (focused) button.focus({ preventScroll: true });
    this.write(query, rows[Math.min(this.key, rows.length - 1)], names);
  }

  /** What a picture of numbers shows, for those who do not see it. @private */
  words(/** @type {import("./strings.js").Key} */ key, /** @type {Float32Array} */ values) {
    const place = values.reduce((best, value, at) => (Math.abs(value) > Math.abs(values[best]) ? at : best), 0);
    const value = values[place].toFixed(DIGITS);
    return this.shared.say("largestElement", {
      name: this.shared.say(key),
      n: values.length,
      place: place + 1,
      value,
    });
  }

  /** The numbers of one key, element by element. @private */
  write(
    /** @type {Float32Array} */ query,
    /** @type {ReturnType<NeuronView["compute"]>["rows"][number]} */ row,
    /** @type {string[]} */ names,
  ) {
    const { shared } = this;
    if (!this.expanded) {
      this.numbers.replaceChildren();
      return;
    }
    const sum = shared.say("neuronSum", {
      query: names[this.token],
      key: names[row.place],
      dot: row.dot.toFixed(DIGITS),
      root: Math.sqrt(query.length).toFixed(2),
      score: row.score.toFixed(DIGITS),
      share: percent(row.share),
    });
    const cells = Array.from(query, (value, at) =>
      create(
        "tr",
        {},
        create("th", { scope: "row" }, String(at + 1)),
        ...[value, row.key[at], row.products[at]].map((number) =>
          create("td", { class: "figure" }, number.toFixed(DIGITS)),
        ),
      ),
    );
    const titles = ["element", "query", "key", "product"].map((key) =>
      create("th", { scope: "col" }, shared.say(/** @type {any} */ (key))),
    );
    const table = create(
      "table",
      {},
      create("thead", {}, create("tr", {}, ...titles)),
      create("tbody", {}, ...cells),
    );
    const details = create(
      "details",
      { open: this.open ?? false },
      create("summary", {}, shared.say("elements")),
      table,
    );
    details.addEventListener("toggle", () => (this.open = details.open));
    this.numbers.replaceChildren(create("p", {}, sum), details);
  }
}

/** Numbers in colours, or words where the browser cannot draw. */
function vector(/** @type {Float32Array} */ values, /** @type {number} */ largest, /** @type {string} */ words) {
  const canvas = create("canvas", { class: "inside-vector", width: values.length, height: 1 });
  const context = paper(canvas);
  if (!context) return create("span", { class: "note" }, words);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
  paintSigned(context, values, largest, 0);
  return canvas;
}
