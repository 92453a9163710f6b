/** All layers and heads at a glance: a small picture each, drawn when it comes into sight, a large one on a press. */

import { create, setText } from "../page/dom.js";
import { arrowGrid, reach } from "./arrow_grid.js";
import { paintSquare, paper } from "./colours.js";
import { HeadView } from "./head_view.js";
import { percent } from "./labels.js";
import { displayPicker, rangeField } from "./pickers.js";
import { hasNaN, headOf, parseRanges, patternOf } from "./summary.js";

const SIDE = 56; // pixels of a small picture

export class ModelView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    const { layers, heads } = shared.source.shape;
    this.layers = rangeField(shared.say("whichLayers"), layers, () => this.build());
    this.heads = rangeField(shared.say("whichHeads"), heads, () => this.build());
    this.grid = create("div", { class: "inside-grid", role: "group" });
    this.grid.setAttribute("aria-label", shared.say("modelGrid"));
    /** @type {HTMLElement[][]} */
    this.buttons = [];
    arrowGrid(this.grid, () => this.buttons);
    this.detail = create("div", { class: "inside-large" });
    this.status = create("p", { class: "note", role: "status" });
    /** @type {HeadView | null} */
    this.opened = null;
    this.openName = "";
    const top = create(
      "div",
      { class: "inside-choices" },
      this.layers.label,
      this.heads.label,
      displayPicker(shared),
    );
    const intro = create("p", { class: "note" }, shared.say("modelIntro"));
    this.element = create("div", {}, intro, top, this.grid, this.status, this.detail);
    this.built = false;
  }

  draw() {
    if (!this.built && this.shared.source.tokens.length) this.build();
    this.opened?.draw();
  }

  /** @private */
  build() {
    const { shared } = this;
    const { layers, heads } = shared.source.shape;
    this.built = true;
    this.watcher?.disconnect();
    setText(this.status, "");
    const shown = parseRanges(this.heads.input.value, heads);
    const rows = parseRanges(this.layers.input.value, layers).map((layer) => {
      const title = create("span", { class: "inside-layer" }, shared.say("layerShort", { n: layer + 1 }));
      const row = create("div", { class: "inside-layer-row" }, title);
      row.append(...shown.map((head) => this.thumbnail(layer, head)));
      row.dataset.layer = String(layer);
      return row;
    });
    this.grid.replaceChildren(...rows);
    this.buttons = rows.map((row) => [...row.querySelectorAll("button")]);
    reach(this.buttons);
    if (typeof IntersectionObserver !== "function") {
      for (const row of rows) this.fill(row);
      return;
    }
    this.watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        this.watcher?.unobserve(target);
        this.fill(/** @type {HTMLElement} */ (target));
      }
    });
    for (const row of rows) this.watcher.observe(row);
  }

  /** @private */
  thumbnail(/** @type {number} */ layer, /** @type {number} */ head) {
    const { shared } = this;
    const canvas = create("canvas", { width: 1, height: 1 });
    const button = create("button", { type: "button", class: "inside-thumbnail" }, canvas);
    const name = shared.say("headOfLayer", { layer: layer + 1, head: head + 1 });
    button.setAttribute("aria-label", name);
    button.setAttribute("aria-expanded", "false");
    button.title = name;
    button.dataset.head = String(head);
    button.addEventListener("click", () => this.toggle(layer, head, button));
    return button;
  }

  /** The pictures of a layer. @private */
  async fill(/** @type {HTMLElement} */ row) {
    const { shared } = this;
    const layer = Number(row.dataset.layer);
    const { tokens } = shared.source;
    const count = tokens.length;
    try {
      const attention = await shared.source.attention(layer);
      if (hasNaN(attention)) throw Object.assign(new Error("NaN"), { code: "nan" });
      for (const button of row.querySelectorAll("button")) {
        const weights = headOf(attention, Number(button.dataset.head), count);
        const { pattern, share } = patternOf(weights, tokens);
        const values = { layer: layer + 1, head: Number(button.dataset.head) + 1, share: percent(share) };
        const sentence = shared.say(/** @type {any} */ (`pattern_${pattern}`), values);
        button.setAttribute("aria-label", sentence);
        button.title = sentence;
        this.paint(button, weights, shared.say(/** @type {any} */ (`short_${pattern}`), values));
      }
      row.dataset.drawn = "true";
    } catch (error) {
      const code = /** @type {{code?: string}} */ (error).code ?? "";
      setText(this.status, shared.say(/** @type {any} */ (`failed_${code}`)) || `${shared.say("failed")} ${error}`);
    }
  }

  /** A picture, or words where the browser cannot draw. @private */
  paint(/** @type {HTMLButtonElement} */ button, /** @type {Float32Array} */ weights, /** @type {string} */ words) {
    const { shared } = this;
    const canvas = button.querySelector("canvas");
    const context = canvas && paper(canvas);
    if (context) {
      paintSquare(context, weights, shared.source.tokens.length, SIDE);
      return;
    }
    setText(this.status, shared.say("noCanvas"));
    button.replaceChildren(create("span", { class: "inside-short" }, words));
  }

  /** @private */
  toggle(/** @type {number} */ layer, /** @type {number} */ head, /** @type {HTMLElement} */ button) {
    const name = `${layer} ${head}`;
    for (const open of this.grid.querySelectorAll("[aria-expanded=true]"))
      open.setAttribute("aria-expanded", "false");
    if (this.openName === name) {
      this.openName = "";
      this.opened = null;
      this.detail.replaceChildren();
      return;
    }
    this.openName = name;
    button.setAttribute("aria-expanded", "true");
    this.opened = new HeadView(this.shared, { layer, heads: [head] });
    this.detail.replaceChildren(
      create("h4", {}, this.shared.say("headOfLayer", { layer: layer + 1, head: head + 1 })),
      this.opened.element,
    );
    this.opened.draw();
  }
}
