/** How a token was chosen: the ten likeliest, what the settings do to them, and the draw. */

import { create, setText } from "../page/dom.js";
import { distribution } from "./distribution.js";
import { DrawScale } from "./draw_scale.js";
import { percent, visible } from "./labels.js";
import { SettingsFields } from "./settings_fields.js";
import { Latest } from "./shared.js";
import { TokenStrip } from "./token_strip.js";

/** @typedef {import("./source.js").Candidates} Candidates */

export class CandidatesView {
  /** @param {import("./shared.js").Shared} shared */
  constructor(shared) {
    this.shared = shared;
    this.latest = new Latest();
    /** @type {{position: number, candidates: Candidates} | null} */
    this.known = null;
    this.strip = new TokenStrip(shared, { end: true });
    this.fields = new SettingsFields(shared);
    this.title = create("h4");
    this.place = create("div", { class: "inside-candidates" });
    this.scale = new DrawScale(shared);
    this.note = create("p", { class: "note" });
    const intro = create("p", { class: "note" }, shared.say("candidatesIntro"));
    this.element = create(
      "div",
      {},
      intro,
      this.strip.element,
      this.fields.element,
      this.title,
      this.place,
      this.scale.element,
      this.note,
    );
  }

  /** Shows what is chosen now. */
  draw() {
    this.strip.draw();
    this.fields.draw();
    const { shared } = this;
    const written = shared.source.tokens[shared.position];
    setText(
      this.title, // before the numbers are there: a heading is never empty
      written
        ? shared.say("candidatesAt", { n: shared.position + 1, token: visible(written.text) })
        : shared.say("candidatesAfter"),
    );
    if (this.known?.position === shared.position) {
      this.drawBars();
      return;
    }
    const wanted = this.latest.begin();
    const { position } = shared;
    shared.fill(this.place, async () => {
      const candidates = await shared.source.candidates(position - 1);
      if (!wanted()) return;
      this.known = { position, candidates };
      this.drawBars();
    });
  }

  /** @private */
  drawBars() {
    const { shared, known } = this;
    if (!known) return;
    const { tokens } = shared.source;
    const { position, candidates } = known;
    const written = tokens[position];
    const draw = shared.source.draw?.(position - 1) ?? null;
    const seen = tokens.slice(0, position).map(({ id }) => id);
    const found = distribution(candidates, shared.settings, seen, draw?.random ?? null);
    const texts = new Map(Array.from(candidates.ids, (id, place) => [id, candidates.texts[place]]));
    if (written) texts.set(written.id, written.text);
    const widest = Math.max(...found.rows.map(({ before, after }) => Math.max(before, after)), 1e-9);
    const rows = found.rows.map((row) => this.row(row, texts.get(row.id) ?? "", widest, written?.id));
    const list = create("ol", { class: "inside-bars" }, ...rows);
    list.setAttribute("aria-label", shared.say("candidatesList"));
    this.place.replaceChildren(this.legend(), list);
    const top = found.rows.reduce((sum, { before }) => sum + before, 0);
    const sentences = [shared.say("candidatesRest", { share: percent(1 - top), n: found.kept })];
    if (!found.exact) sentences.push(shared.say("inexact", { n: candidates.ids.length }));
    setText(this.note, sentences.join(" "));
    this.scale.draw(found, draw, texts, written?.id ?? null);
  }

  /** @private */
  legend() {
    const { shared } = this;
    const key = (/** @type {string} */ kind, /** @type {import("./strings.js").Key} */ words) =>
      create("span", {}, create("span", { class: `inside-key ${kind}` }), shared.say(words));
    return create("p", { class: "note inside-legend" }, key("before", "barBefore"), key("after", "barAfter"));
  }

  /** @private */
  row(
    /** @type {import("./distribution.js").Row} */ { id, before, after, cut },
    /** @type {string} */ token,
    /** @type {number} */ widest,
    /** @type {number | undefined} */ written,
  ) {
    const { shared } = this;
    const partial = /^(<0x[0-9A-F]{2}>)+$/.test(token) || token.includes("\ufffd");
    const can = Boolean(shared.options.onTake) && !partial && token !== "";
    const name = create(can ? "button" : "span", { class: "inside-name", dir: "auto" }, visible(token));
    if (can) {
      name.type = "button";
      name.setAttribute("aria-label", shared.say("takeCandidate", { token: visible(token) }));
      name.addEventListener("click", () => shared.options.onTake?.(shared.position, id, token));
    } else if (shared.options.onTake) name.title = shared.say(partial ? "partOfCharacter" : "nothingToTake");
    const bars = create(
      "span",
      { class: "inside-tracks" },
      bar("before", before, widest),
      bar("after", after, widest),
    );
    bars.setAttribute("aria-hidden", "true");
    const figures = create("span", { class: "inside-figures" }, `${percent(before)} → ${percent(after)}`);
    const said = cut ? shared.say(`cut_${cut}`) : "";
    const mark = create(
      "span",
      { class: "inside-mark" },
      [id === written ? shared.say("written") : "", said].join(" ").trim(),
    );
    const item = create("li", { class: cut ? "inside-cut" : "" }, name, bars, figures, mark);
    item.dataset.id = String(id);
    if (id === written) item.setAttribute("aria-current", "true");
    return item;
  }
}

function bar(/** @type {string} */ kind, /** @type {number} */ share, /** @type {number} */ widest) {
  const element = create("span", { class: `inside-bar ${kind}` });
  element.style.width = `${(100 * share) / widest}%`;
  return element;
}
