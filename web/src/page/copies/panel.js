/**
 * What the page fetches when a visitor asks for copies: underlines in the texts, and under them how much is copied, every
 * run with its book, and the passage that it comes from.
 */

import { create, setText, show } from "../dom.js";
import { megabytes } from "../strings.js";
import { Looker } from "./looker.js";
import { Marks } from "./marks.js";
import { percent, WORDS, word } from "./words.js";

/**
 * @typedef {import("../../runtime/originality/runs.js").CopiedRun} CopiedRun
 * @typedef {import("./looker.js").Found} Found
 * @typedef {import("./words.js").Word} Word
 * @typedef {object} Wanted
 * @property {import("../language.js").Language} language
 * @property {NonNullable<import("../site.js").Site["originality"]>} description
 * @property {string} model Hash of the model that writes.
 * @property {string[]} texts Those on the desk; none while the panel is shut.
 * @property {number} writing Which of them grows; -1 for none.
 */

const PAUSE = 250; // milliseconds that a text rests before it is looked up
const SOON = 50;
const SHOWN = 14; // characters of a run in the list

export class OriginalityPanel {
  /** @param {HTMLElement} root @param {string} url Of the site's folder. */
  constructor(root, url) {
    this.looker = new Looker(url, () => this.draw());
    this.sentence = create("p", { class: "copied-sentence" });
    this.sentence.setAttribute("role", "status");
    this.button = create("button", { type: "button" });
    this.button.addEventListener("click", () => this.looker.open(this.wanted?.model ?? "", false));
    this.bar = create("progress", {});
    this.results = create("div", {});
    /** @type {Marks[]} */
    this.marks = [];
    /** @type {Wanted | null} */
    this.wanted = null;
    this.model = "";
    this.drawn = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.later = undefined;
    root.classList.add("copied");
    root.replaceChildren(this.sentence, this.bar, this.button, this.results);
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") for (const marks of this.marks) marks.hide();
    });
  }

  /** @param {Wanted} wanted */
  show(wanted) {
    const before = this.wanted;
    this.wanted = wanted;
    if (wanted.model !== this.model) {
      this.model = wanted.model;
      this.looker.known.clear();
      this.looker.open(wanted.model, true);
    }
    const changed = wanted.texts.some((text, column) => text !== before?.texts[column]);
    for (const [column, marks] of this.marks.entries()) {
      if (wanted.texts[column] !== before?.texts[column]) marks.clear();
    }
    clearTimeout(this.later);
    // After the desk itself has drawn the text; what is being typed rests first.
    this.later = setTimeout(() => this.draw(), changed && before?.texts.length ? PAUSE : SOON);
  }

  /** The caret was moved to a character of a text. @param {number} column @param {number} caret */
  look(column, caret) {
    for (const [other, marks] of this.marks.entries()) {
      if (other === column) marks.look(caret, (run) => this.passage(run, column));
      else marks.hide();
    }
  }

  /** @private */
  draw() {
    const { wanted, looker } = this;
    if (!wanted) return;
    const { phase, progress } = looker;
    const { language, description } = wanted;
    const size = megabytes(description.bytes);
    show(this.button, phase === "offer" || phase === "failed");
    setText(this.button, word(language, phase === "failed" ? "again" : "get", { size }));
    show(this.bar, phase === "loading");
    if (progress.total) [this.bar.max, this.bar.value] = [progress.total, progress.loaded];
    else this.bar.removeAttribute("value");
    this.bar.setAttribute("aria-label", word(language, "preparing"));
    show(this.results, phase === "ready");
    if (phase === "ready") this.drawResults(wanted);
    else setText(this.sentence, this.stateOf(wanted));
  }

  /** @private */
  stateOf(/** @type {Wanted} */ { language, description }) {
    const { phase, progress, trouble } = this.looker;
    const size = megabytes(description.bytes);
    if (phase === "failed") {
      const known = /** @type {Word} */ (trouble.code in WORDS.en ? trouble.code : "unknown");
      return word(language, "failed", {
        why: word(language, known, { ...trouble, detail: trouble.detail.slice(0, 100) }),
      });
    }
    if (phase === "offer")
      return word(language, description.kind === "index" ? "offerIndex" : "offerHashes", { size });
    if (phase !== "loading") return word(language, "opening");
    if (!progress.total || progress.loaded >= progress.total) return word(language, "preparing");
    return word(language, "coming", { loaded: megabytes(progress.loaded), total: megabytes(progress.total) });
  }

  /** @private */
  drawResults(/** @type {Wanted} */ wanted) {
    const { language, texts, writing } = wanted;
    const found = texts.map((text, column) => (column === writing ? null : this.looker.look(text)));
    while (this.marks.length > texts.length) this.marks.pop()?.clear();
    while (this.marks.length < texts.length) this.marks.push(new Marks());
    for (const [column, one] of found.entries()) {
      if (one) this.marks[column].draw(column, texts[column], one.runs);
      else this.marks[column].clear();
    }
    const first = found[0] ?? null;
    const many = texts.length > 1;
    const alone = first && !many ? this.sayOf(first, wanted) : "";
    const waits = writing >= 0 ? "writing" : found.includes(null) ? "looking" : "";
    setText(this.sentence, texts.length ? alone || (waits && word(language, waits)) : word(language, "nothing"));
    const drawn = JSON.stringify([language, found.map((one) => one?.id ?? 0)]);
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.results.replaceChildren(
      ...found.flatMap((one, column) => (one ? this.section(wanted, one, column, many) : [])),
    );
  }

  /** How much is copied, beside how much the author repeats himself. @private */
  sayOf(/** @type {Found} */ { runs, copied, characters }, /** @type {Wanted} */ { language, description }) {
    const { unit, least, baseline } = description;
    const longest = runs.reduce((one, other) => (other.length > one.length ? other : one), runs[0]);
    const said = longest
      ? word(language, "some", {
          characters,
          share: percent(copied / characters),
          length: longest.length,
          book: longest.book,
        })
      : word(language, "none", { characters, least: word(language, unit, { n: least }) });
    return baseline === null
      ? said
      : `${said}${language === "en" ? " " : ""}${word(language, "baseline", { share: percent(baseline) })}`;
  }

  /** @private */
  section(
    /** @type {Wanted} */ wanted,
    /** @type {Found} */ found,
    /** @type {number} */ column,
    /** @type {boolean} */ many,
  ) {
    const { language } = wanted;
    const head = many
      ? [create("h4", {}, word(language, "version", { n: column + 1 })), create("p", {}, this.sayOf(found, wanted))]
      : [];
    const items = found.runs.map((run) => this.item(run, column));
    const list = create("ul", { class: "copied-runs" }, ...items);
    list.setAttribute("aria-label", word(language, "runs"));
    return items.length ? [...head, list] : head;
  }

  /** A run of the list; pressed, it shows the passage under itself. @private */
  item(/** @type {CopiedRun} */ run, /** @type {number} */ column) {
    const { language, texts } = /** @type {Wanted} */ (this.wanted);
    const copied = [...texts[column].slice(run.begin, run.end)];
    const shown = copied.length > SHOWN ? `${copied.slice(0, SHOWN).join("")}…` : copied.join("");
    const quoted = create("q", {}, shown.replaceAll("\n", " "));
    const button = create(
      "button",
      { type: "button" },
      quoted,
      create("span", { class: "note" }, word(language, "run", named(run))),
    );
    const place = create("div", { hidden: true });
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = place.hidden;
      if (open) place.replaceChildren(this.passage(run, column));
      place.hidden = !open;
      button.setAttribute("aria-expanded", String(open));
    });
    return create("li", {}, button, place);
  }

  /** Where a run comes from, with what stands around it in the book. @private */
  passage(/** @type {CopiedRun} */ run, /** @type {number} */ column) {
    const { language, texts } = /** @type {Wanted} */ (this.wanted);
    if (run.offset === null) return create("p", { class: "note" }, word(language, "hashed", named(run)));
    const copied = create("mark", {}, texts[column].slice(run.begin, run.end));
    const quote = create("blockquote", { dir: "auto" }, run.before, copied, run.after);
    const values = { ...named(run), offset: (run.offset + 1).toLocaleString("en") };
    return create("figure", {}, create("figcaption", { class: "note" }, word(language, "place", values)), quote);
  }
}

const named = (/** @type {CopiedRun} */ { length, book }) => ({ length, book });
