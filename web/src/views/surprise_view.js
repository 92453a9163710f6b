/** How much each character surprised the model, and the whole text in bits. */

import { create, setText } from "../page/dom.js";
import { characters, percent, visible } from "./labels.js";
import { TokenStrip } from "./token_strip.js";

/** From which probability down a step of the scale begins. */
export const STEPS = [0.5, 0.1, 0.01, 0.001, 0];

/** Which step of the scale a probability is on, from 0. @param {number} probability */
export const stepOf = (probability) => STEPS.findIndex((from) => probability >= from);

/** @typedef {{logProbabilities: Float32Array, ranks: Int32Array}} Surprise */

export class SurpriseView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    const source = /** @type {any} */ (shared.source);
    /** Of a long text more can be coloured than drawn. */
    this.wide = /** @type {Pick<import("./source.js").Source, "tokens" | "surprise">} */ (source.whole ?? source);
    /** @type {Surprise | null} */
    this.found = null;
    this.chosen = 0;
    this.total = create("p", { class: "inside-total" });
    this.detail = create("p", { class: "inside-detail", role: "status" });
    this.place = create("div");
    this.borders = create("input", { type: "checkbox" });
    const label = create("label", { class: "check" }, this.borders, shared.say("showBorders"));
    this.borders.addEventListener("change", () => this.place.classList.toggle("borders", this.borders.checked));
    const intro = create("p", { class: "note" }, shared.say("surpriseIntro"));
    this.element = create("div", {}, intro, this.total, this.legend(), label, this.detail, this.place);
  }

  draw() {
    const { shared } = this;
    if (this.found) {
      this.strip?.draw();
      return;
    }
    if (!this.wide.tokens.length) return;
    shared.fill(this.place, async () => {
      this.found = await this.wide.surprise();
      const shift = /** @type {any} */ (this.wide).from ?? 0;
      const first = shift ? 0 : shared.token;
      this.chosen = Math.max(0, first);
      this.strip = new TokenStrip(shared, {
        tokens: this.wide.tokens,
        dress: (option, place) => this.dress(option, place),
        onLook: (place) => this.tell(place ?? this.chosen),
        chosen: () => this.chosen,
        choose: (place) => {
          this.chosen = place;
          this.strip?.draw();
          this.tell(place);
        },
      });
      this.place.replaceChildren(this.strip.element);
      this.sum();
      this.tell(this.chosen);
    });
  }

  /** @private */
  dress(/** @type {any} */ option, /** @type {number} */ place) {
    const logProbability = this.found?.logProbabilities[place] ?? Number.NaN;
    if (Number.isNaN(logProbability)) return;
    option.classList.add("surprise", `step-${stepOf(Math.exp(logProbability))}`);
  }

  /** @private */
  sum() {
    const { shared, found, wide } = this;
    const known = Array.from(found?.logProbabilities ?? []).filter((value) => !Number.isNaN(value));
    const bits = -known.reduce((sum, value) => sum + value, 0) / Math.LN2;
    const letters = characters(wide.tokens).length;
    const values = {
      bits: bits.toFixed(1),
      n: known.length,
      each: (bits / Math.max(1, known.length)).toFixed(2),
      letters,
      eachLetter: (bits / Math.max(1, letters)).toFixed(2),
      one: (2 ** (bits / Math.max(1, known.length))).toFixed(1),
    };
    setText(this.total, shared.say("surpriseTotal", values));
    const { all = wide.tokens.length } = /** @type {any} */ (wide);
    if (all > wide.tokens.length)
      this.total.append(` ${shared.say("surprisePart", { n: wide.tokens.length, all })}`);
  }

  /** @private */
  tell(/** @type {number} */ place) {
    const { shared, found, wide } = this;
    const token = wide.tokens[place];
    if (!token || !found) return;
    const logProbability = found.logProbabilities[place];
    const key = Number.isNaN(logProbability) ? "surpriseUnknown" : "surpriseOne";
    const values = {
      token: visible(token.text),
      share: percent(Math.exp(logProbability)),
      bits: (-logProbability / Math.LN2).toFixed(2),
      log: logProbability.toFixed(3),
      rank: found.ranks[place],
    };
    setText(this.detail, shared.say(key, values));
  }

  /** @private */
  legend() {
    const { shared } = this;
    const keys = STEPS.map((from, step) => {
      const upTo = step ? STEPS[step - 1] : 1;
      const words = step === STEPS.length - 1 ? `< ${percent(upTo)}` : `${percent(from)}–${percent(upTo)}`;
      return create("span", {}, create("span", { class: `inside-swatch surprise step-${step}` }, "字"), words);
    });
    const legend = create("p", { class: "note inside-legend" }, `${shared.say("probability")}: `, ...keys);
    return legend;
  }
}
