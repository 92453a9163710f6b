/** The draw: the scale from 0 to 1 that the candidates share, and where on it the random number fell. */

import { create, setText } from "../page/dom.js";
import { percent, visible } from "./labels.js";

// From here on a piece has room for its name, on a phone too.
const WIDE = 0.06;

export class DrawScale {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.title = create("h4", {}, shared.say("drawTitle"));
    this.pieces = create("div", { class: "inside-scale" });
    this.pieces.setAttribute("aria-hidden", "true");
    this.marker = create("div", { class: "inside-marker" });
    this.sentence = create("p", { class: "note" });
    this.element = create("div", { class: "inside-draw" }, this.title, this.pieces, this.sentence);
  }

  /**
   * @param {import("./distribution.js").Distribution} found
   * @param {import("./source.js").Draw | null} draw
   * @param {Map<number, string>} texts
   * @param {number | null} written Id of the token that stands there.
   */
  draw(found, draw, texts, written) {
    const name = (/** @type {number} */ id) => visible(texts.get(id) ?? `#${id}`);
    const pieces = found.pieces.map(({ id, from, to }, place) => {
      const element = create("span", { class: `inside-piece ${place % 2 ? "odd" : "even"}` });
      element.style.left = `${100 * from}%`;
      element.style.width = `${100 * (to - from)}%`;
      element.dataset.id = String(id);
      if (found.taken?.id === id) element.classList.add("taken");
      if (to - from > WIDE) element.append(name(id));
      return element;
    });
    this.pieces.replaceChildren(...pieces, ...(draw ? [this.marker] : []));
    this.pieces.hidden = found.pieces.length === 0;
    if (draw) this.marker.style.left = `${100 * draw.random}%`;
    setText(this.sentence, this.say(found, draw, name, written));
  }

  /** @private */
  say(
    /** @type {import("./distribution.js").Distribution} */ { taken, kept },
    /** @type {import("./source.js").Draw | null} */ draw,
    /** @type {(id: number) => string} */ name,
    /** @type {number | null} */ written,
  ) {
    const { shared } = this;
    if (!draw || !taken) return shared.say("noDraw");
    if (kept === 1) return shared.say("drawOne", { token: name(taken.id) });
    const values = {
      random: draw.random.toFixed(4),
      token: name(taken.id),
      from: taken.from.toFixed(4),
      to: taken.to.toFixed(4),
      share: percent(taken.to - taken.from),
    };
    const sentence = shared.say("drawFell", values);
    return taken.id === written ? sentence : `${sentence} ${shared.say("drawOther")}`;
  }
}
