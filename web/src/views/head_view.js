/** What each token looks at, in lines (head_lines.js) between two columns of tokens, and in a sentence. */

import { create, setText } from "../page/dom.js";
import { paintLines } from "./head_lines.js";
import { labels, percent } from "./labels.js";
import { displayPicker, headSquares, layerPicker } from "./pickers.js";
import { Latest } from "./shared.js";
import { hasNaN, headOf, meanOf, patternOf } from "./summary.js";
import { TokenColumns } from "./token_columns.js";

const NAMED = 3; // of the tokens looked at, in the sentence

export class HeadView {
  /**
   * @param {import("./shared.js").Shared} shared
   * @param {{layer?: number, heads?: number[]}} [start] What to show first.
   */
  constructor(shared, { layer = 0, heads } = {}) {
    this.shared = shared;
    this.layer = layer;
    /** @type {Set<number>} */
    this.heads = new Set(heads ?? [...Array(shared.source.shape.heads).keys()]);
    /** Whether every token's lines show, as long as none is pointed at. */
    this.all = true;
    this.latest = new Latest();
    /** @type {Float32Array | null} [H, T, T] */
    this.attention = null;
    /** @type {import("./head_lines.js").Picture["looked"]} What the pointer is at. */
    this.looked = null;
    /** @type {TokenColumns | null} */
    this.columns = null;
    this.build();
  }

  draw() {
    if (!this.attention || this.shown !== this.layer) this.open(this.layer);
    else {
      if (this.columns?.shownBytes !== this.shared.showBytes) this.line();
      this.choose();
      this.paint();
    }
  }

  /** Shows a layer. @param {number} layer */
  open(layer) {
    const { shared } = this;
    this.layer = layer;
    if (!shared.source.tokens.length) return;
    const wanted = this.latest.begin();
    shared.fill(this.place, async () => {
      const attention = await shared.source.attention(layer);
      if (!wanted()) return;
      if (hasNaN(attention)) throw Object.assign(new Error("NaN"), { code: "nan" });
      this.attention = attention;
      this.shown = layer;
      this.place.replaceChildren(this.scroller);
      this.line();
      this.choose();
      this.paint();
    });
  }

  /** @private */
  build() {
    const { shared } = this;
    const picker = layerPicker(shared, (chosen) => this.open(chosen));
    picker.select.value = String(this.layer);
    const squares = headSquares(shared, this.heads, () => {
      this.describe();
      this.paint();
    });
    this.summary = create("p", { class: "note", role: "status" });
    this.unable = create("p", { class: "note", hidden: true }, shared.say("noCanvas"));
    this.canvas = create("canvas", { class: "inside-lines" });
    this.canvas.setAttribute("aria-hidden", "true");
    this.scroller = create("div", { class: "inside-scroller" });
    this.place = create("div", {}, this.scroller);
    const top = create("div", { class: "inside-choices" }, picker.label, displayPicker(shared));
    const intro = create("p", { class: "note" }, shared.say("headIntro"));
    this.element = create("div", {}, intro, top, squares.element, this.summary, this.unable, this.place);
    this.scroller.addEventListener("scroll", () => this.paintSoon(), { passive: true });
    if (typeof ResizeObserver === "function") new ResizeObserver(() => this.paintSoon()).observe(this.scroller);
  }

  /** The columns of tokens. @private */
  line() {
    const { shared } = this;
    this.columns = new TokenColumns(shared, {
      onLook: (side, place) => this.look(side, place),
      onTap: (place) => {
        // A tap isolates a token's lines, another one on it brings all back.
        this.all = !this.all && shared.token === place;
        shared.set({ position: place });
      },
      onStep: (place) => {
        this.looked = null;
        this.all = false;
        shared.set({ position: place });
      },
      onAll: () => {
        this.all = true;
        this.paint();
      },
    });
    this.scroller.replaceChildren(this.canvas, this.columns.query, this.columns.key);
  }

  /** @private */
  look(/** @type {"query" | "key"} */ side, /** @type {number | null} */ place) {
    if (this.looked?.place === place && this.looked?.side === side) return;
    this.looked = place === null ? null : { side, place };
    this.paintSoon();
  }

  /** Marks the chosen token, and says what it looks at. @private */
  choose() {
    this.columns?.choose(this.shared.token);
    this.describe();
  }

  /** @private */
  paintSoon() {
    if (this.soon) return;
    this.soon = true;
    requestAnimationFrame(() => {
      this.soon = false;
      this.paint();
    });
  }

  /** Draws the lines; where a browser cannot, the sentence and the columns remain. */
  paint() {
    const { attention, shared, columns } = this;
    if (!attention || !columns) return;
    const looked = this.looked ?? (this.all ? null : { side: /** @type {const} */ ("query"), place: shared.token });
    const { heads } = shared.source.shape;
    const picture = { attention, count: shared.source.tokens.length, heads, shown: this.heads, looked };
    const drawn = paintLines(this.canvas, this.scroller, picture);
    this.canvas.hidden = !drawn;
    this.unable.hidden = drawn;
  }

  /** @private */
  describe() {
    const { shared, attention, heads } = this;
    const { tokens } = shared.source;
    if (!attention || !tokens.length) return;
    const row = shared.token;
    const mean = meanOf(attention, heads, row, tokens.length);
    const order = Array.from(mean.keys()).sort((a, b) => mean[b] - mean[a]);
    const names = labels(tokens, shared.showBytes);
    const list = order.slice(0, NAMED).map((to) => `「${names[to]}」 ${percent(mean[to])}`);
    const sentences = heads.size
      ? [shared.say("looksAt", { token: names[row], n: row + 1, list: list.join(", ") })]
      : [shared.say("noHeads")];
    if (heads.size === 1) {
      const [head] = heads;
      const { pattern, share } = patternOf(headOf(attention, head, tokens.length), tokens);
      const values = { layer: this.layer + 1, head: head + 1, share: percent(share) };
      sentences.push(shared.say(/** @type {any} */ (`pattern_${pattern}`), values));
    }
    setText(this.summary, sentences.join(" "));
  }
}
