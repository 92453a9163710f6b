/** Underlines copies in a text of the desk, and shows the passage that a caret stands in; nothing moves for it. */

import { create } from "../dom.js";

/** @typedef {import("../../runtime/originality/runs.js").CopiedRun} CopiedRun */

/** The sheets of the desk's texts, in their order; each has the text area and under it the text in its colours. */
const sheets = () => Array.from(document.querySelectorAll("#versions > article .sheet"));

/** One text's underlines: the same letters once more, of which only the lines under the copies show. */
export class Marks {
  constructor() {
    this.layer = create("p", { class: "passage copied-layer", dir: "auto" });
    this.layer.setAttribute("aria-hidden", "true");
    this.note = create("div", { class: "copied-note", hidden: true });
    this.note.setAttribute("role", "status");
    /** @type {CopiedRun[]} */
    this.runs = [];
  }

  /** @param {number} column @param {string} text @param {CopiedRun[]} runs */
  draw(column, text, runs) {
    const sheet = sheets()[column];
    // Of a very long text only the end stands on the desk.
    const whole = sheet?.querySelector("textarea")?.hidden === false;
    if (!whole || !runs.length) {
      this.clear();
      return;
    }
    if (this.runs === runs && this.layer.parentElement === sheet) return;
    this.runs = runs;
    let at = 0;
    const pieces = [];
    for (const [begin, end] of joined(runs)) {
      pieces.push(text.slice(at, begin), create("mark", {}, text.slice(begin, end)));
      at = end;
    }
    this.layer.replaceChildren(...pieces, text.slice(at));
    sheet.append(this.layer, this.note);
  }

  clear() {
    this.runs = [];
    this.layer.remove();
    this.hide();
    this.note.remove();
  }

  hide() {
    this.note.hidden = true;
  }

  /**
   * Shows the passage of the copy that a caret stands in, under its line.
   *
   * @param {number} caret
   * @param {(run: CopiedRun) => Node} passageOf
   */
  look(caret, passageOf) {
    const run = this.runs.find(({ begin, end }) => begin <= caret && caret < end);
    if (!run || !this.layer.isConnected) {
      this.hide();
      return;
    }
    this.note.replaceChildren(passageOf(run));
    this.note.hidden = false;
    this.note.style.top = `${this.lineUnder(caret)}px`;
  }

  /** How far down the line ends that a character stands in, within the sheet. @private */
  lineUnder(/** @type {number} */ caret) {
    const range = document.createRange();
    let left = caret;
    const walker = document.createTreeWalker(this.layer, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const { length } = /** @type {Text} */ (node);
      if (left < length) {
        range.setStart(node, left);
        range.setEnd(node, left + 1);
        break;
      }
      left -= length;
    }
    const sheet = /** @type {HTMLElement} */ (this.layer.parentElement);
    return range.getBoundingClientRect().bottom - sheet.getBoundingClientRect().top + 6;
  }
}

/** Runs without their overlaps: [begin, end] by their beginning. */
function joined(/** @type {CopiedRun[]} */ runs) {
  /** @type {[number, number][]} */
  const parts = [];
  for (const { begin, end } of runs) {
    const last = parts.at(-1);
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else parts.push([begin, end]);
  }
  return parts;
}
