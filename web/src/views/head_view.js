/** What each token looks at, in lines: width by weight, colour by head. */

import { create, setText } from "../page/dom.js";
import { headColour, paper } from "./colours.js";
import { labels, percent } from "./labels.js";
import { displayPicker, headSquares, layerPicker } from "./pickers.js";
import { Latest } from "./shared.js";
import { hasNaN, headOf, patternOf } from "./summary.js";

const ROW = 26; // pixels of a token
const SIDE = 0.32; // of the width: a column of tokens
// Of all tokens at once only lines from here on are drawn; of one token all that can be seen.
const FAINT = 0.06;
const FAINTEST = 0.01;

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
    /** @type {{side: "query" | "key", place: number} | null} What the pointer is at. */
    this.looked = null;
    this.picker = layerPicker(shared, (chosen) => this.open(chosen));
    this.picker.select.value = String(layer);
    this.squares = headSquares(shared, this.heads, () => {
      this.describe();
      this.paint();
    });
    this.summary = create("p", { class: "note", role: "status" });
    this.canvas = create("canvas", { class: "inside-lines" });
    this.canvas.setAttribute("aria-hidden", "true");
    this.scroller = create("div", { class: "inside-scroller" });
    this.place = create("div", {}, this.scroller);
    const top = create("div", { class: "inside-choices" }, this.picker.label, displayPicker(shared));
    const intro = create("p", { class: "note" }, shared.say("headIntro"));
    this.element = create("div", {}, intro, top, this.squares.element, this.summary, this.place);
    this.scroller.addEventListener("scroll", () => this.paintSoon(), { passive: true });
    if (typeof ResizeObserver === "function") new ResizeObserver(() => this.paintSoon()).observe(this.scroller);
  }

  draw() {
    if (!this.attention || this.shown !== this.layer) this.open(this.layer);
    else {
      if (this.shownBytes !== this.shared.showBytes) this.build();
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
      this.build();
      this.choose();
      this.paint();
    });
  }

  /** @private */
  build() {
    const { shared } = this;
    this.shownBytes = shared.showBytes;
    const names = labels(shared.source.tokens, shared.showBytes);
    const column = (/** @type {"query" | "key"} */ side) => {
      const list = create("div", { class: `inside-column ${side}` });
      const items = names.map((name, place) => {
        const item = create("div", { class: "inside-row", dir: "auto" }, name);
        item.dataset.place = String(place);
        return item;
      });
      list.append(...items);
      const placeOf = (/** @type {Event} */ { target }) => {
        const item = target instanceof Element ? target.closest("[data-place]") : null;
        return item instanceof HTMLElement ? Number(item.dataset.place) : null;
      };
      list.addEventListener("pointerover", (/** @type {Event} */ event) => this.look(side, placeOf(event)));
      list.addEventListener("pointerleave", () => this.look(side, null));
      list.addEventListener("click", (/** @type {Event} */ event) => {
        const place = placeOf(event);
        if (place === null) return;
        // A tap isolates a token's lines, another one on it brings all back.
        this.all = !this.all && shared.token === place;
        shared.set({ position: place });
      });
      return { list, items };
    };
    this.query = column("query");
    this.key = column("key");
    this.query.list.tabIndex = 0;
    this.query.list.setAttribute("role", "listbox");
    this.query.list.setAttribute("aria-label", shared.say("queryList"));
    for (const item of this.query.items) item.setAttribute("role", "option");
    this.key.list.setAttribute("aria-hidden", "true");
    this.query.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.keyed(event));
    this.scroller.replaceChildren(this.canvas, this.query.list, this.key.list);
  }

  /** @private */
  keyed(/** @type {KeyboardEvent} */ event) {
    if (event.key === "Escape") {
      this.all = true;
      this.paint();
    }
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.shared.source.tokens.length - 1;
    const position = Math.max(0, Math.min(last, this.shared.token + step));
    this.looked = null;
    this.all = false;
    this.shared.set({ position });
    this.query?.items[position]?.scrollIntoView({ block: "nearest" });
  }

  /** @private */
  look(/** @type {"query" | "key"} */ side, /** @type {number | null} */ place) {
    if (this.looked?.place === place && this.looked?.side === side) return;
    this.looked = place === null ? null : { side, place };
    this.paintSoon();
  }

  /** Marks the chosen token, and says what it looks at. @private */
  choose() {
    const { shared, query } = this;
    for (const item of query?.list.querySelectorAll("[aria-selected=true]") ?? []) {
      item.setAttribute("aria-selected", "false");
    }
    query?.items[shared.token]?.setAttribute("aria-selected", "true");
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

  /** Draws what can be seen of the lines; a sentence says the same. */
  paint() {
    const { attention, scroller, canvas, shared } = this;
    if (!attention || !this.query) return;
    const context = paper(canvas);
    if (!context) {
      setText(this.summary, `${this.summary.textContent} ${shared.say("noCanvas")}`);
      return;
    }
    const [width, height] = [scroller.clientWidth, scroller.clientHeight];
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    // A canvas of another size is made anew, which takes longer than to draw on it.
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const count = shared.source.tokens.length;
    const looked = this.looked ?? (this.all ? null : { side: "query", place: shared.token });
    const top = scroller.scrollTop;
    const first = Math.floor(top / ROW);
    const end = Math.min(count, first + Math.ceil(height / ROW) + 1);
    for (const head of this.heads) {
      const weights = headOf(attention, head, count);
      const colour = headColour(head, shared.source.shape.heads);
      const line = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ least) => {
        const weight = weights[from * count + to];
        if (weight < least) return;
        context.globalAlpha = Math.min(1, 0.25 + weight);
        context.strokeStyle = colour;
        context.lineWidth = 0.5 + 5 * weight;
        context.beginPath();
        context.moveTo(width * SIDE, (from + 0.5) * ROW - top);
        context.lineTo(width * (1 - SIDE), (to + 0.5) * ROW - top);
        context.stroke();
      };
      if (looked?.side === "query") for (let to = 0; to <= looked.place; to++) line(looked.place, to, FAINTEST);
      else if (looked) for (let from = looked.place; from < count; from++) line(from, looked.place, FAINTEST);
      else for (let from = first; from < end; from++) for (let to = 0; to <= from; to++) line(from, to, FAINT);
    }
    context.globalAlpha = 1;
    if (looked) this.shade(context, attention, looked, width, first, end);
  }

  /** The other side's tokens by weight, a stripe for each head. @private */
  shade(
    /** @type {CanvasRenderingContext2D} */ context,
    /** @type {Float32Array} */ attention,
    /** @type {{side: string, place: number}} */ looked,
    /** @type {number} */ width,
    /** @type {number} */ first,
    /** @type {number} */ end,
  ) {
    const { shared, scroller } = this;
    const count = shared.source.tokens.length;
    const heads = [...this.heads];
    const stripe = (width * SIDE) / Math.max(1, heads.length);
    const left = looked.side === "query" ? width * (1 - SIDE) : 0;
    const top = scroller.scrollTop;
    for (const [at, head] of heads.entries()) {
      const weights = headOf(attention, head, count);
      context.fillStyle = headColour(head, shared.source.shape.heads);
      for (let other = first; other < end; other++) {
        const [from, to] = looked.side === "query" ? [looked.place, other] : [other, looked.place];
        const weight = to <= from ? weights[from * count + to] : 0;
        if (weight < FAINTEST) continue;
        context.globalAlpha = 0.45 * weight;
        context.fillRect(left + at * stripe, other * ROW - top, stripe, ROW - 1);
      }
    }
    context.globalAlpha = 1;
  }

  /** @private */
  describe() {
    const { shared, attention } = this;
    const { tokens } = shared.source;
    const count = tokens.length;
    if (!attention || !count) return;
    const row = shared.token;
    const mean = new Float32Array(row + 1);
    for (const head of this.heads) {
      const weights = headOf(attention, head, count);
      for (let to = 0; to <= row; to++) mean[to] += weights[row * count + to] / this.heads.size;
    }
    const order = Array.from(mean.keys()).sort((a, b) => mean[b] - mean[a]);
    const names = labels(tokens, shared.showBytes);
    const list = order.slice(0, 3).map((to) => `「${names[to]}」 ${percent(mean[to])}`);
    const sentences = this.heads.size
      ? [shared.say("looksAt", { token: names[row], n: row + 1, list: list.join(", ") })]
      : [shared.say("noHeads")];
    if (this.heads.size === 1) {
      const [head] = this.heads;
      const { pattern, share } = patternOf(headOf(attention, head, count), tokens);
      const values = { layer: this.layer + 1, head: head + 1, share: percent(share) };
      sentences.push(shared.say(/** @type {any} */ (`pattern_${pattern}`), values));
    }
    setText(this.summary, sentences.join(" "));
  }
}
