/** Keeps the keyboard's place: a button that goes away hands the focus on to what takes its place. */

import { byId } from "./dom.js";

/** What may follow each button, the best first; Stop hands back to the button that began. @type {Record<string, string[]>} */
const NEXT = {
  load: ["prompt"],
  write: ["stop"],
  continue: ["stop"],
  stop: ["write"],
  undo: ["continue", "write"],
};

export class FocusKeeper {
  constructor() {
    /** Id of what the keyboard is at; empty where a pointer set the focus, which needs no place kept. */
    this.place = "";
    /** @type {string[]} */
    this.began = [];
    document.addEventListener("focusin", ({ target }) => {
      const element = /** @type {HTMLElement} */ (target);
      this.place = element.matches(":focus-visible") ? element.id : "";
    });
    document.addEventListener("pointerdown", () => {
      this.place = "";
    });
  }

  /** To be called when buttons have been shown and hidden. */
  handOn() {
    const { place } = this;
    if (!(place in NEXT) || usable(place)) return;
    const next = [...(place === "stop" ? this.began : []), ...NEXT[place]].find(usable);
    if (!next) return;
    if (next === "stop") this.began = [place];
    byId(next).focus();
  }
}

function usable(/** @type {string} */ id) {
  return !byId(id).hidden && !byId(id).disabled;
}
