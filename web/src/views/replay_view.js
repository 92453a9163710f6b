/** The text token by token: what each step computes anew, which keys it finds ready, and what the mask hides. */

import { create, setText } from "../page/dom.js";
import { labels, percent, visible } from "./labels.js";
import { headPicker, layerPicker } from "./pickers.js";
import { Latest } from "./shared.js";
import { hasNaN, headOf } from "./summary.js";
import { TokenStrip } from "./token_strip.js";

const SIDE = 12; // tokens in the picture of the mask
const PAUSE = 700; // milliseconds a token

export class ReplayView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.latest = new Latest();
    this.layer = 0;
    this.head = 0;
    /** @type {Float32Array | null} */
    this.attention = null;
    this.shown = -1;
    /** @type {ReturnType<typeof setInterval> | null} */
    this.clock = null;
    const layer = layerPicker(shared, (chosen) => this.change({ layer: chosen }));
    const head = headPicker(shared, (chosen) => this.change({ head: chosen }));
    const button = (/** @type {any} */ key, /** @type {() => void} */ act) => {
      const element = create("button", { type: "button" }, shared.say(key));
      element.addEventListener("click", act);
      return element;
    };
    this.play = button("play", () => this.toggle());
    const back = button("stepBack", () => this.step(-1));
    const on = button("stepOn", () => this.step(1));
    const row = create("div", { class: "inside-choices" }, layer.label, head.label, back, this.play, on);
    this.strip = new TokenStrip(shared);
    this.strip.element.classList.add("inside-replay");
    this.sentence = create("p", { class: "note", role: "status" });
    this.place = create("div");
    const intro = create("p", { class: "note" }, shared.say("replayIntro"));
    this.element = create("div", {}, intro, row, this.strip.element, this.sentence, this.place);
  }

  draw() {
    this.strip.draw();
    const { shared } = this;
    if (shared.token < 0) return;
    if (this.shown === this.layer && this.attention) {
      this.paint();
      return;
    }
    const wanted = this.latest.begin();
    shared.fill(this.place, async () => {
      const attention = await shared.source.attention(this.layer);
      if (!wanted()) return;
      if (hasNaN(attention)) throw Object.assign(new Error("NaN"), { code: "nan" });
      this.attention = attention;
      this.shown = this.layer;
      this.paint();
    });
  }

  /** @private */
  change(/** @type {Partial<Pick<ReplayView, "layer" | "head">>} */ change) {
    Object.assign(this, change);
    this.draw();
  }

  /** @private */
  step(/** @type {number} */ by) {
    const last = this.shared.source.tokens.length - 1;
    const position = this.shared.token + by;
    if (position < 0 || position > last) this.pause();
    else this.shared.set({ position });
  }

  /** @private */
  toggle() {
    if (this.clock) {
      this.pause();
      return;
    }
    const last = this.shared.source.tokens.length - 1;
    if (this.shared.token >= last) this.shared.set({ position: 0 });
    setText(this.play, this.shared.say("pause"));
    this.clock = setInterval(() => (this.element.isConnected ? this.step(1) : this.pause()), PAUSE);
  }

  /** @private */
  pause() {
    if (this.clock) clearInterval(this.clock);
    this.clock = null;
    setText(this.play, this.shared.say("play"));
  }

  /** @private */
  paint() {
    const { shared, attention, head, strip } = this;
    const { tokens } = shared.source;
    const now = shared.token;
    if (!attention) return;
    const weights = headOf(attention, head, tokens.length).subarray(now * tokens.length, (now + 1) * tokens.length);
    for (const [place, option] of (strip.options_ ?? []).entries()) {
      option.classList.toggle("masked", place > now);
      option.style.background =
        place > now
          ? ""
          : `color-mix(in srgb, var(--view-before) ${Math.round(50 * Math.sqrt(weights[place]))}%, transparent)`;
    }
    const order = [...Array(now + 1).keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 3);
    const list = order
      .map((at) => `「${visible(labels(tokens, shared.showBytes)[at])}」 ${percent(weights[at])}`)
      .join(", ");
    const values = {
      n: now + 1,
      token: labels(tokens, shared.showBytes)[now],
      reused: now,
      hidden: tokens.length - 1 - now,
    };
    setText(this.sentence, `${shared.say("replayStep", values)} ${shared.say("replayLooks", { list })}`);
    const mask = this.mask(now);
    this.place.replaceChildren(mask);
    // On a phone the newest columns are what is new.
    if (now > SIDE / 2) mask.scrollLeft = mask.scrollWidth;
  }

  /** Queries by keys around the step: ready, new, hidden. @private */
  mask(/** @type {number} */ now) {
    const { shared, attention, head } = this;
    const { tokens } = shared.source;
    const names = labels(tokens, shared.showBytes);
    const end = Math.min(tokens.length, Math.max(now + 3, SIDE));
    const from = Math.max(0, end - SIDE);
    const places = Array.from({ length: end - from }, (_, at) => from + at);
    const weights = headOf(/** @type {Float32Array} */ (attention), head, tokens.length);
    const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
      const kind =
        column > row ? "hidden" : row < now ? "done" : row > now ? "later" : column < now ? "reused" : "new";
      const words = kind === "hidden" ? "×" : row > now ? "" : percent(weights[row * tokens.length + column]);
      const element = create("td", { class: `inside-cell ${kind}` }, words);
      element.title = shared.say(/** @type {any} */ (`mask_${kind}`));
      return element;
    };
    const header = places.map((place) => create("th", { scope: "col", dir: "auto" }, names[place]));
    const rows = places.map((row) => {
      const name = create("th", { scope: "row", dir: "auto" }, names[row]);
      const line = create("tr", {}, name, ...places.map((column) => cell(row, column)));
      if (row === now) line.setAttribute("aria-current", "step");
      return line;
    });
    const caption = create("caption", { class: "note" }, shared.say("maskCaption"));
    const corner = create("td", {}, shared.say("queryByKey"));
    const table = create("table", { class: "inside-mask" }, caption, create("tr", {}, corner, ...header), ...rows);
    const scroller = create("div", { class: "inside-table", tabIndex: 0, role: "region" }, table);
    scroller.setAttribute("aria-label", shared.say("maskCaption"));
    return scroller;
  }
}
