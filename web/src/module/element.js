/**
 * <gpt2-writer src="bundle/">: a small desk for any page, in the words of its language. docs/module.md.
 *
 * Attributes: src, the bundle's folder; opening; settings, JSON for `generate`. The event "written" carries each result.
 */

import { WORDS } from "./element_words.js";

const STYLE = `
  :host { display: block; font: inherit; max-width: 44rem; }
  textarea { box-sizing: border-box; width: 100%; min-height: 4.5em; font: inherit; padding: 0.5em; }
  label { display: block; }
  button { font: inherit; min-height: 44px; min-width: 44px; padding: 0 1em; margin: 0.5em 0.5em 0.5em 0; }
  [part="text"] { white-space: pre-wrap; overflow-wrap: anywhere; }
  [part="text"] b { font-weight: inherit; opacity: 0.7; }
  [role="status"] { min-height: 1.5em; margin: 0; }
`;

export class GPT2Writer extends HTMLElement {
  constructor() {
    super();
    /** @type {import("./types/gpt2").Model | null} */
    this.model = null;
    /** @type {import("./types/gpt2").Writing | null} */
    this.writing = null;
    /** @type {{opening: string, result: import("./types/gpt2").Result} | null} */
    this.last = null;
    this.words = WORDS.en;
    /** @type {AbortController | null} */
    this.loading = null;
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    /** @returns {any} */
    const make = (/** @type {string} */ tag, /** @type {Record<string, any>} */ values) =>
      Object.assign(document.createElement(tag), values);
    this.field = make("textarea", { id: "opening", rows: 3, spellcheck: false });
    this.label = make("label", { htmlFor: "opening" });
    this.button = make("button", { type: "button", onclick: () => (this.writing ? this.stop() : this.write()) });
    this.further = make("button", { type: "button", hidden: true, onclick: () => this.write(true) });
    this.status = make("p", { role: "status" });
    this.text = make("p", {});
    /** @type {HTMLElement} */ (this.text).setAttribute("part", "text");
    root.append(this.label, this.field, this.button, this.further, this.status, this.text);
  }

  connectedCallback() {
    const language = this.closest("[lang]")?.getAttribute("lang") ?? navigator.language;
    this.words = /^zh\b/i.test(language) ? WORDS.zh : WORDS.en;
    this.label.textContent = this.words.opening;
    this.further.textContent = this.words.continue;
    this.field.value ||= this.getAttribute("opening") ?? "";
    this.button.textContent = this.words.write;
  }

  disconnectedCallback() {
    this.loading?.abort();
    this.model?.dispose();
    this.model = null;
  }

  stop() {
    this.loading?.abort();
    this.writing?.stop();
  }

  /** Writes, and loads the model first where that was not done; never rejects, but says what went wrong. */
  async write(goOn = false) {
    if (this.loading) {
      this.loading.abort();
      return;
    }
    const opening = goOn && this.last ? this.last.opening : this.field.value;
    const resume = goOn ? this.last?.result : undefined;
    this.button.textContent = this.words.stop;
    this.further.hidden = true;
    try {
      const model = (this.model ??= await this.load());
      const settings = JSON.parse(this.getAttribute("settings") ?? "{}");
      const writing = model.generate(opening, { finishSentence: true, ...settings, resume });
      this.writing = writing;
      this.status.textContent = this.words.writing;
      const given = document.createElement("b");
      given.textContent = opening;
      const written = document.createTextNode(resume?.text ?? "");
      this.text.replaceChildren(given, written);
      for await (const piece of writing) written.appendData(piece);
      const result = await writing.result;
      this.last = { opening, result };
      this.status.textContent = "";
      this.dispatchEvent(
        new CustomEvent("written", { detail: { opening, ...result }, bubbles: true, composed: true }),
      );
    } catch (error) {
      const aborted = error instanceof DOMException && error.name === "AbortError";
      this.status.textContent = aborted ? "" : error instanceof Error ? error.message : String(error);
    } finally {
      this.writing = null;
      this.loading = null;
      this.button.textContent = this.words.write;
      this.further.hidden = this.last?.result.finish === "end_of_text" || !this.last;
    }
  }

  /** @private */
  async load() {
    this.loading = new AbortController();
    const { signal } = this.loading;
    const { load } = await import(/** @type {any} */ ("./gpt2.js"));
    const onProgress = (/** @type {import("./types/gpt2").Progress} */ { phase, loaded, total }) => {
      const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
      const bytes = phase === "download" || phase === "cache";
      this.status.textContent = bytes
        ? `${this.words.loading} ${megabytes(loaded)} / ${megabytes(total)} MB`
        : this.words.preparing;
    };
    const model = await load(this.getAttribute("src") ?? "bundle/", { onProgress, signal });
    this.loading = null;
    return model;
  }
}

if (!customElements.get("gpt2-writer")) customElements.define("gpt2-writer", GPT2Writer);
