/** The texts side by side, each with its own buttons, and what a screen reader is told while they grow. */

import { create, setText, show } from "./dom.js";
import { text } from "./strings.js";

// A prompt of a hundred thousand characters would make every frame slow: its end is enough to read on from.
const SHOWN_PROMPT = 600;
const SENTENCE_END = /[。！？!?.…”\n]/;

export class VersionsView {
  /**
   * @param {HTMLElement} container
   * @param {HTMLElement} spoken Live region: gets whole sentences, since single characters cannot be listened to.
   * @param {import("./view.js").Handlers} handlers
   */
  constructor(container, spoken, handlers) {
    this.container = container;
    this.spoken = spoken;
    this.handlers = handlers;
    /** @type {ReturnType<VersionsView["build"]>[]} */
    this.items = [];
    this.language = "";
    this.announced = 0;
    this.announcing = -1;
  }

  /** @param {import("./state.js").State} state */
  draw(state) {
    const { versions, language, running } = state;
    if (this.items.length !== versions.length || this.language !== language) {
      this.language = language;
      this.items = versions.map((_, index) => this.build(state, index));
      this.container.replaceChildren(...this.items.map((item) => item.article));
      this.container.dataset.count = String(versions.length);
    }
    for (const [index, version] of versions.entries()) {
      const item = this.items[index];
      const active = running?.index === index;
      setText(item.prompt, shortened(version.prompt));
      setText(item.text, version.text);
      setText(item.seed, text(language, "seedUsed", { seed: version.seed }));
      item.article.setAttribute("aria-busy", String(active));
      show(item.buttons, !running && version.text !== "");
      show(item.goOn, versions.length > 1 && version.finish !== "end_of_text");
    }
    this.announce(state);
  }

  /** @private */
  build(/** @type {import("./state.js").State} */ { language }, /** @type {number} */ index) {
    const seed = create("span", { class: "note" });
    const title = create("h3", {}, text(language, "version", { n: index + 1 }), seed);
    const prompt = create("span", { class: "opening-text" });
    const fresh = create("span", { class: "fresh" });
    const body = create("p", { class: "passage" }, prompt, fresh);
    const button = (/** @type {any} */ key, /** @type {string} */ handler) => {
      const element = create("button", { type: "button", class: "quiet" }, text(language, key));
      element.addEventListener("click", () => this.handlers[handler](index));
      return element;
    };
    const goOn = button("continueThis", "continueOne");
    const buttons = create(
      "div",
      { class: "row", hidden: true },
      goOn,
      button("copy", "copy"),
      button("save", "save"),
      button("useAsPrompt", "useAsPrompt"),
    );
    return {
      article: create("article", {}, title, body, buttons),
      prompt,
      text: fresh,
      buttons,
      goOn,
      seed,
    };
  }

  /** @private */
  announce(/** @type {import("./state.js").State} */ { versions, running }) {
    if (!running) {
      this.announcing = -1;
      return;
    }
    const { text: whole } = versions[running.index];
    if (this.announcing !== running.id) {
      this.announcing = running.id;
      this.announced = whole.length;
    }
    const fresh = whole.slice(this.announced);
    let end = fresh.length;
    while (end > 0 && !SENTENCE_END.test(fresh[end - 1])) end--;
    if (!end) return;
    setText(this.spoken, fresh.slice(0, end));
    this.announced += end;
  }
}

/** @param {string} prompt */
function shortened(prompt) {
  return prompt.length > SHOWN_PROMPT ? `…${prompt.slice(-SHOWN_PROMPT)}` : prompt;
}
