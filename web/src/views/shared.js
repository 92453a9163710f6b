/** What the views of one text have in common: the source, the words, which token is looked at. */

import { text } from "./strings.js";

/**
 * @typedef {import("./source.js").Source} Source
 * @typedef {import("./strings.js").Key} Key
 *
 * @typedef {object} Options
 * @property {string[]} [views] Which to offer, in this order; all where it is left out.
 * @property {import("./strings.js").Language} [language]
 * @property {string} [view] The one to open first.
 * @property {number} [position] The token to look at first.
 * @property {(position: number, id: number, text: string) => void} [onTake] A candidate for a position is taken; where it
 *   is left out, none can be.
 * @property {(settings: import("./source.js").SourceSettings) => void} [onSettings] They were changed in a view.
 * @property {(view: string) => void} [onView] Another view is opened.
 */

export class Shared {
  /**
   * @param {Source} source
   * @param {Options} options
   */
  constructor(source, options) {
    this.source = source;
    this.options = options;
    this.language = options.language ?? "en";
    this.settings = source.settings;
    /** The token looked at; the number of tokens for what comes after them. */
    this.position = Math.min(options.position ?? source.tokens.length, source.tokens.length);
    this.showBytes = false;
    /** "light" or "dark" where a visitor wants another than the system's. */
    this.display = "";
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {Key} key @param {Record<string, string | number>} [values] */
  say(key, values) {
    return text(this.language, key, values);
  }

  /** The token that a view which knows no end looks at; -1 of an empty text. */
  get token() {
    return Math.min(this.position, this.source.tokens.length - 1);
  }

  /** @param {Partial<Pick<Shared, "position" | "settings" | "showBytes">>} change */
  set(change) {
    Object.assign(this, change);
    for (const listener of this.listeners) listener();
  }

  /**
   * Fills a place with what takes time; says what went wrong where it does.
   *
   * @param {HTMLElement} place Becomes busy meanwhile.
   * @param {() => Promise<void>} fill
   */
  async fill(place, fill) {
    place.setAttribute("aria-busy", "true");
    try {
      await fill();
    } catch (error) {
      const code = /** @type {{code?: string}} */ (error)?.code ?? "";
      const key = /** @type {Key} */ (`failed_${code}`);
      const sentence = document.createElement("p");
      sentence.className = "inside-trouble";
      sentence.dataset.code = code;
      sentence.textContent =
        this.say(key) || `${this.say("failed")} ${error instanceof Error ? error.message : error}`;
      place.replaceChildren(sentence);
    }
    place.removeAttribute("aria-busy");
  }
}

/** What was asked for and is not wanted any more shall not be drawn. */
export class Latest {
  count = 0;

  /** @returns {() => boolean} Whether nothing has been asked for since. */
  begin() {
    const mine = ++this.count;
    return () => mine === this.count;
  }
}
