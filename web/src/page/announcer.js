/** What a screen reader is told while a text grows: whole sentences, since single characters cannot be listened to. */

import { setText } from "./dom.js";

const SENTENCE_END = /[。！？!?.…”\n]/;

export class Announcer {
  /** @param {HTMLElement} spoken Live region. */
  constructor(spoken) {
    this.spoken = spoken;
    this.announced = 0;
    this.announcing = -1;
  }

  /** @param {import("./state.js").State} state */
  announce({ manuscript, running }) {
    if (!running) {
      this.announcing = -1;
      return;
    }
    const { text: whole } = manuscript.passages[running.place];
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
