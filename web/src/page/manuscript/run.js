/** What the model computed a text from: the prompt of its last run, the tokens after it, and how each was drawn. */

import { wholeText } from "./tree.js";

/**
 * @typedef {import("./tree.js").Manuscript} Manuscript
 * @typedef {import("./tree.js").Made} Made
 *
 * @typedef {object} Run
 * @property {string} prompt
 * @property {number[]} newIds After the prompt.
 * @property {{upTo: number, made: Made}[]} draws What the new tokens were written with, up to which each.
 */

/**
 * @param {Manuscript} m
 * @param {number} place A passage, whose text it is.
 * @param {string} model Hash of the one that will be asked: what another wrote is text to it, like a person's.
 * @returns {Run}
 */
export function lastRun(m, place, model) {
  const last = m.passages[place];
  if (last.kind !== "written" || !last.snapshot || last.made?.model !== model) {
    return { prompt: wholeText(m, place), newIds: [], draws: [] };
  }
  /** @type {Run["draws"]} */
  const draws = [];
  for (let at = place; ; ) {
    const { made, parent, length } = m.passages[at];
    if (!made || parent === null) break;
    draws.unshift({ upTo: length, made });
    if (!made.resumed) return { prompt: wholeText(m, parent), newIds: last.snapshot.newIds, draws };
    at = parent;
  }
  return { prompt: wholeText(m, place), newIds: [], draws: [] };
}
