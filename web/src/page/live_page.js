/** The one state of the page, and who is told when it changes. */

import * as states from "./state.js";

/** @typedef {import("./state.js").State} State */

export class LivePage {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    /** @type {((state: State) => void)[]} */
    this.listeners = [];
  }

  /** @param {State} changed */
  update(changed) {
    this.state = changed;
    for (const listener of this.listeners) listener(changed);
  }

  /**
   * @param {string} code
   * @param {Record<string, string | number>} [values]
   * @param {"trouble" | "hint"} [kind]
   */
  notice(code, values = {}, kind = "trouble") {
    this.update(states.addNotice(this.state, code, values, kind));
  }

  /** A sentence beside the text whose button was pressed. @param {number} place @param {string} message */
  say(place, message, values = {}) {
    this.update({ ...this.state, said: { place, message, values } });
  }
}
