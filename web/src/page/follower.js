/** Keeps the end of the text that is being written in view, until the reader scrolls away. */

const SCROLL_KEYS = ["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown", " "];
const MARGIN = 24;

export class Follower {
  constructor() {
    this.active = false;
    /** @type {HTMLElement | null} */
    this.followed = null;
    const letGo = () => {
      this.active = false;
    };
    addEventListener("wheel", letGo, { passive: true });
    addEventListener("touchmove", letGo, { passive: true });
    addEventListener("keydown", ({ key, target }) => {
      if (SCROLL_KEYS.includes(key) && !(target instanceof HTMLTextAreaElement)) letGo();
    });
    addEventListener("pointerdown", ({ clientX }) => {
      if (clientX >= document.documentElement.clientWidth) letGo(); // the scroll bar
    });
  }

  /** @param {HTMLElement | null} end Element at the end of what is being written; null when nothing is. */
  follow(end) {
    if (!end) {
      this.followed = null;
      return;
    }
    if (this.followed === null) this.active = true; // a new run begins
    this.followed = end;
    if (!this.active) return;
    const bar = document.getElementById("bar");
    const fixed = bar && getComputedStyle(bar).position === "fixed" ? bar.offsetHeight : 0;
    const below = end.getBoundingClientRect().bottom + MARGIN - (innerHeight - fixed);
    if (below > 0) scrollBy({ top: below, behavior: "instant" });
  }
}
