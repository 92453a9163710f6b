/**
 * The texts side by side, each to be changed in place and with its own buttons. Over the text that shows, in colours
 * that say who wrote what, lies a text area of the same letters.
 */

import { abilities, versionsOf } from "./abilities.js";
import { Announcer } from "./announcer.js";
import { create, setText, show } from "./dom.js";
import { segments, siblings, wholeText } from "./manuscript/tree.js";
import { text } from "./strings.js";

// A text of a hundred thousand characters would make every frame slow: its end is enough to read on from.
const EDITABLE = 20_000;
const SHOWN_END = 600;

/** @typedef {import("./state.js").State} State */

export class VersionsView {
  /**
   * @param {HTMLElement} container
   * @param {HTMLElement} spoken Live region.
   * @param {import("./view.js").Handlers} handlers
   */
  constructor(container, spoken, handlers) {
    this.container = container;
    this.announcer = new Announcer(spoken);
    this.handlers = handlers;
    /** @type {ReturnType<VersionsView["build"]>[]} */
    this.items = [];
    this.language = "";
  }

  /** @param {State} state */
  draw(state) {
    const versions = versionsOf(state);
    if (this.items.length !== versions.length || this.language !== state.language) {
      this.language = state.language;
      this.items = versions.map((_, index) => this.build(state, index));
      this.container.replaceChildren(...this.items.map((item) => item.article));
    }
    for (const [index, version] of versions.entries()) this.drawOne(state, index, version);
    this.announcer.announce(state);
  }

  /** @private */
  drawOne(
    /** @type {State} */ state,
    /** @type {number} */ index,
    /** @type {ReturnType<typeof versionsOf>[number]} */ version,
  ) {
    const { manuscript, language, running, said } = state;
    const item = this.items[index];
    const { place, passage, made, empty } = version;
    const able = abilities(state);
    if (item.place !== place || item.passage !== passage) {
      [item.place, item.passage] = [place, passage];
      this.drawText(item, state, place);
    }
    const active = running?.place === place;
    item.article.setAttribute("aria-busy", String(active));
    setText(item.seed, made ? seedOf(language, made) : "");
    const editable = able.canChange && item.whole.length <= EDITABLE;
    if (!editable && item.editor === document.activeElement) item.focused = true;
    show(item.editor, editable);
    item.body.setAttribute("aria-hidden", String(editable));
    if (editable && item.editor.value !== item.whole.replace(/\r\n?/g, "\n")) item.editor.value = item.whole;
    if (editable && item.focused) this.giveBack(item);
    show(item.buttons, able.canChange && !empty);
    show(item.goOn, manuscript.tips.length > 1 && passage.finish !== "end_of_text");
    show(item.branch, passage.kind === "written" && state.phase === "ready");
    show(item.only, manuscript.tips.length > 1);
    this.drawCaret(item);
    this.drawAlternatives(item, state, place);
    const sentence =
      said.place === place && said.message ? text(language, /** @type {any} */ (said.message), said.values) : "";
    setText(item.said, sentence || (passage.finish === "end_of_text" ? text(language, "ended") : ""));
    show(
      item.alternatives,
      able.canChange && manuscript.tips.length === 1 && siblings(manuscript, place).length > 1,
    );
  }

  /** Who went on with the keyboard finds the place again when the run has ended. @private */
  giveBack(/** @type {any} */ item) {
    item.focused = false;
    if (document.activeElement !== document.body) return;
    item.editor.focus({ preventScroll: true });
    item.editor.setSelectionRange(item.editor.value.length, item.editor.value.length);
  }

  /** @private */
  drawText(/** @type {any} */ item, /** @type {State} */ { manuscript }, /** @type {number} */ place) {
    item.whole = wholeText(manuscript, place);
    let pieces = segments(manuscript, place);
    if (item.whole.length > EDITABLE) pieces = lastPieces(pieces);
    const first = pieces[0]?.by === "person" ? pieces.shift() : undefined;
    setText(item.opening, first?.text ?? "");
    const spans = item.fresh.children;
    for (const [at, { text: piece, by }] of pieces.entries()) {
      const span = spans[at] ?? item.fresh.appendChild(create("span", {}));
      span.className = by === "person" ? "by-person" : "";
      setText(span, piece);
    }
    while (spans.length > pieces.length) spans[spans.length - 1].remove();
  }

  /** @private */
  drawAlternatives(
    /** @type {any} */ item,
    /** @type {State} */ { manuscript, language },
    /** @type {number} */ place,
  ) {
    const all = siblings(manuscript, place);
    const at = all.indexOf(place);
    setText(item.which, text(language, "alternative", { n: at + 1, all: all.length }));
    item.others = [all[(at - 1 + all.length) % all.length], all[(at + 1) % all.length]];
  }

  /** @private */
  drawCaret(/** @type {any} */ item) {
    const { caret, editor } = item;
    show(item.fromCaret, !editor.hidden && caret !== null && caret > 0 && caret < editor.value.length);
  }

  /** @private */
  build(/** @type {State} */ { language }, /** @type {number} */ index) {
    const seed = create("span", { class: "note" });
    const name = text(language, "version", { n: index + 1 });
    const opening = create("span", { class: "opening-text" });
    const fresh = create("span", { class: "fresh" });
    const body = create("p", { class: "passage", dir: "auto" }, opening, fresh);
    const editor = create("textarea", { class: "editor", dir: "auto", spellcheck: false, autocomplete: "off" });
    editor.setAttribute("aria-label", text(language, "editVersion", { n: index + 1 }));
    const button = (
      /** @type {any} */ key,
      /** @type {string} */ handler,
      /** @type {() => any[]} */ values = () => [],
    ) => {
      const element = create("button", { type: "button", class: "quiet" }, text(language, key));
      element.addEventListener("click", () => this.handlers[handler](index, ...values()));
      return element;
    };
    const turn = (/** @type {string} */ sign, /** @type {any} */ key, /** @type {number} */ which) => {
      const element = create("button", { type: "button", class: "round" }, sign);
      element.setAttribute("aria-label", text(language, key));
      element.addEventListener("click", () => this.handlers.choose([item.others[which]]));
      return element;
    };
    const goOn = button("continueThis", "continueOne");
    const branch = button("branch", "branch");
    const only = button("onlyThis", "only");
    const fromCaret = button("continueFromCaret", "continueAt", () => [item.caret]);
    const which = create("span", { class: "note" });
    const before = turn("‹", "previousAlternative", 0);
    const alternatives = create("span", { class: "row" }, before, which, turn("›", "nextAlternative", 1));
    const shown = [goOn, button("copy", "copy"), button("shareThis", "shareOne"), branch, fromCaret];
    const more = [only, button("save", "save"), button("useAsPrompt", "useAsPrompt")];
    const summary = create("summary", {}, text(language, "more"));
    const details = create("details", { class: "more" }, summary, create("div", { class: "row" }, ...more));
    const buttons = create("div", { class: "row", hidden: true }, ...shown, details);
    const said = create("p", { class: "note said", role: "status" });
    const head = create("div", { class: "row spread" }, create("h3", {}, name, seed), alternatives);
    const sheet = create("div", { class: "sheet" }, editor, body);
    const article = create("article", {}, head, sheet, buttons, said);
    article.setAttribute("aria-label", name);
    const item = {
      ...{
        article,
        body,
        opening,
        fresh,
        editor,
        buttons,
        goOn,
        branch,
        only,
        fromCaret,
        seed,
        said,
        which,
        alternatives,
      },
      place: -1,
      passage: /** @type {any} */ (null),
      whole: "",
      caret: /** @type {number | null} */ (null),
      others: [0, 0],
      typing: false,
      focused: false,
    };
    this.listen(item, index);
    return item;
  }

  /** @private */
  listen(/** @type {any} */ item, /** @type {number} */ index) {
    const { editor } = item;
    const moved = () => {
      item.caret = editor.selectionStart;
      this.drawCaret(item);
    };
    for (const event of ["select", "keyup", "click"]) editor.addEventListener(event, moved);
    editor.addEventListener("input", () => {
      // What is typed without a pause elsewhere is one change.
      this.handlers.edit(index, editor.value, item.typing);
      item.typing = true;
      moved();
    });
    editor.addEventListener("blur", () => {
      item.typing = false;
    });
  }

  /** Where the text that is being written ends. @param {State} state @returns {HTMLElement | null} */
  growing({ manuscript, running }) {
    const column = running ? manuscript.tips.indexOf(running.place) : -1;
    return this.items[column]?.fresh ?? null;
  }
}

/** The end of a very long text, with who wrote it. @param {import("./manuscript/tree.js").Segment[]} pieces */
function lastPieces(pieces) {
  const last = pieces.slice(-2).map(({ text: piece, by }) => ({ text: piece.slice(-SHOWN_END), by }));
  return last.map((piece, at) => (at ? piece : { ...piece, text: `…${piece.text}` }));
}

/** @param {import("./strings.js").Language} language @param {import("./manuscript/tree.js").Made} made */
function seedOf(language, { seed, sample }) {
  return text(language, sample ? "seedAndSample" : "seedUsed", { seed, n: sample + 1 });
}
