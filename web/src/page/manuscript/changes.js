/** How a manuscript changes: pure functions that leave the one they are given as it is. */

import { difference } from "./difference.js";
import { isEmpty, openingOf, path, runText, wholeText } from "./tree.js";

/**
 * @typedef {import("./tree.js").Manuscript} Manuscript
 * @typedef {import("./tree.js").Passage} Passage
 * @typedef {import("./tree.js").Made} Made
 */

const MAX_STEPS = 200; // of undo; what is older stays among the passages

/** @type {Pick<Passage, "made" | "length" | "snapshot" | "finish">} */
const UNMADE = { made: null, length: 0, snapshot: null, finish: "" };

/** Shows other passages; undo brings the former ones back. @param {Manuscript} m @param {number[]} tips */
export function select(m, tips) {
  if (tips.join() === m.tips.join()) return m;
  return { ...m, past: [...m.past, m.tips].slice(-MAX_STEPS), tips, future: [] };
}

/** @param {Manuscript} m @returns {Manuscript} */
export function undo(m) {
  const tips = m.past.at(-1);
  return tips ? { ...m, past: m.past.slice(0, -1), tips, future: [m.tips, ...m.future] } : m;
}

/** @param {Manuscript} m @returns {Manuscript} */
export function redo(m) {
  const [tips, ...future] = m.future;
  return tips ? { ...m, past: [...m.past, m.tips], tips, future } : m;
}

/** @param {Manuscript} m @param {Passage} passage @returns {[Manuscript, number]} */
export function add(m, passage) {
  return [{ ...m, passages: [...m.passages, passage] }, m.passages.length];
}

/** @param {Manuscript} m @param {number} place @param {Partial<Passage>} changes @returns {Manuscript} */
function put(m, place, changes) {
  return { ...m, passages: m.passages.map((passage, at) => (at === place ? { ...passage, ...changes } : passage)) };
}

/** @param {Manuscript} m @param {number} parent @param {Made} made @returns {[Manuscript, number]} */
export function addWritten(m, parent, made) {
  const at = wholeText(m, parent).length;
  return add(m, { ...UNMADE, parent, kind: "written", at, removed: 0, text: "", made });
}

/**
 * New texts of an opening, which wait to be written.
 *
 * @param {Manuscript} m
 * @param {string} opening
 * @param {Made[]} mades One for each text.
 * @returns {{manuscript: Manuscript, waiting: number[]}}
 */
export function begin(m, opening, mades) {
  let manuscript = { ...m, draft: opening };
  let root = m.passages.findIndex(({ kind, text }) => kind === "opening" && text === opening);
  if (root < 0) {
    const passage = /** @type {const} */ ({
      ...UNMADE,
      parent: null,
      kind: "opening",
      at: 0,
      removed: 0,
      text: opening,
    });
    [manuscript, root] = add(manuscript, passage);
  }
  /** @type {number[]} */
  const waiting = [];
  for (const made of mades) {
    const [next, place] = addWritten(manuscript, root, { ...made, resumed: false });
    waiting.push(place);
    manuscript = next;
  }
  return { manuscript: select(manuscript, waiting), waiting };
}

/** Whether the model can go on exactly where a passage ended. @param {Passage} passage @param {string} model */
export function isResumable({ snapshot, made, finish }, model) {
  return snapshot !== null && finish !== "end_of_text" && made !== null && made.model === model;
}

/**
 * Texts that are shown are to be continued.
 *
 * @param {Manuscript} m
 * @param {number[]} columns Which of `tips`.
 * @param {Omit<Made, "sample" | "resumed">} settings The seed is that of a text which cannot be resumed.
 * @returns {{manuscript: Manuscript, waiting: number[]}}
 */
export function goOn(m, columns, settings) {
  let manuscript = m;
  const tips = [...m.tips];
  /** @type {number[]} */
  const waiting = [];
  for (const column of columns) {
    const tip = m.passages[m.tips[column]];
    // Undo may have taken a text away before its button went, or before the model was there.
    if (!tip || tip.finish === "end_of_text") continue;
    let place = m.tips[column];
    // One that was stopped before its first token is written now, with the seed it has.
    if (!isEmpty(tip)) [manuscript, place] = addWritten(manuscript, place, follow(tip, settings));
    else if (m.passages.some(({ parent }) => parent === place) && tip.parent !== null)
      [manuscript, place] = addWritten(manuscript, tip.parent, refill(m, tip, settings));
    else manuscript = put(manuscript, place, { made: refill(m, tip, settings), finish: "" });
    tips[column] = place;
    waiting.push(place);
  }
  return { manuscript: select(manuscript, tips), waiting };
}

/** @param {Passage} tip @param {Omit<Made, "sample" | "resumed">} settings @returns {Made} */
function follow(tip, settings) {
  const resumed = isResumable(tip, settings.model);
  const { seed, sample } = resumed && tip.made ? tip.made : { seed: settings.seed, sample: 0 };
  return { ...settings, seed, sample, resumed };
}

/** @param {Manuscript} m @param {Passage} tip @param {Omit<Made, "sample" | "resumed">} settings @returns {Made} */
function refill(m, tip, settings) {
  const before = tip.parent === null ? null : m.passages[tip.parent];
  const { seed, sample, resumed } = /** @type {Made} */ (tip.made);
  return { ...settings, seed, sample, resumed: resumed && before !== null && isResumable(before, settings.model) };
}

/**
 * Another text in the place of a written passage, shown beside it.
 *
 * @param {Manuscript} m
 * @param {number} column Which of `tips`.
 * @param {Omit<Made, "sample" | "resumed">} settings With a seed of its own.
 * @returns {{manuscript: Manuscript, waiting: number[]}} Unchanged when the tip is not a written one.
 */
export function branch(m, column, settings) {
  const tip = m.passages[m.tips[column]];
  if (tip?.kind !== "written" || tip.parent === null) return { manuscript: m, waiting: [] };
  const resumed = isResumable(m.passages[tip.parent], settings.model);
  const [manuscript, place] = addWritten(m, tip.parent, { ...settings, sample: 0, resumed });
  const tips = [...m.tips.slice(0, column + 1), place, ...m.tips.slice(column + 1)];
  return { manuscript: select(manuscript, tips), waiting: [place] };
}

/**
 * Another text that begins as one that is shown, has something else from a place on, and waits to be written on; shown
 * beside it.
 *
 * @param {Manuscript} m
 * @param {number} column Which of `tips`.
 * @param {number} at Where in the text.
 * @param {string} text What stands there instead of the rest.
 * @param {Omit<Made, "sample" | "resumed">} settings
 * @returns {{manuscript: Manuscript, waiting: number[]}}
 */
export function branchAt(m, column, at, text, settings) {
  const tip = m.tips[column];
  const start = wholeText(m, tip).slice(0, at);
  // It grows from where the text was first written up to there.
  const parent = path(m, tip).find((place) => wholeText(m, place).startsWith(start)) ?? tip;
  const removed = wholeText(m, parent).length - start.length;
  const [cut, changed] = add(m, { ...UNMADE, parent, kind: "edit", at: start.length, removed, text });
  const [manuscript, place] = addWritten(cut, changed, { ...settings, sample: 0, resumed: false });
  const tips = [...m.tips.slice(0, column + 1), place, ...m.tips.slice(column + 1)];
  return { manuscript: select(manuscript, tips), waiting: [place] };
}

/**
 * A person changes a text.
 *
 * @param {Manuscript} m
 * @param {number} column Which of `tips`.
 * @param {string} text All of it, as it is to be.
 * @param {boolean} [amend] Whether this goes on with the edit that the tip is, as typing does.
 * @returns {Manuscript}
 */
export function edit(m, column, text, amend = false) {
  const place = m.tips[column];
  const tip = m.passages[place];
  const mentioned = [...m.past, ...m.future].some((tips) => tips.includes(place));
  const lone = !mentioned && !m.passages.some(({ parent }) => parent === place);
  const amends = amend && tip.kind === "edit" && lone && tip.parent !== null;
  const parent = amends ? /** @type {number} */ (tip.parent) : place;
  const before = wholeText(m, parent);
  if (text === wholeText(m, place)) return m;
  const change = difference(before, text);
  if (amends) return put(m, place, change);
  const [manuscript, added] = add(m, { ...UNMADE, parent, kind: "edit", ...change });
  return select(manuscript, m.tips.with(column, added));
}

/** What a token completes comes to the passage being written. @param {Manuscript} m @param {number} place */
export function grow(m, place, /** @type {string} */ text, /** @type {number} */ count) {
  const passage = m.passages[place];
  const length = passage.length || startOf(m, passage);
  return put(m, place, { text: passage.text + text, length: length + count });
}

/** Tokens of the run before a passage. @param {Manuscript} m @param {Passage} passage */
function startOf(m, { made, parent }) {
  return made?.resumed && parent !== null ? m.passages[parent].length : 0;
}

/**
 * The run of a passage has ended.
 *
 * @param {Manuscript} m
 * @param {number} place
 * @param {{text: string, finish: Passage["finish"], snapshot: import("./tree.js").Snapshot}} done `text` from the run's
 *   prompt on.
 */
export function settle(m, place, { text, finish, snapshot }) {
  const passage = m.passages[place];
  const { made, parent } = passage;
  // Stopped before its first token: as if it had not begun.
  if (snapshot.newIds.length === startOf(m, passage)) return abandon(m, place);
  const before = made?.resumed && parent !== null ? runText(m, parent).length : 0;
  return put(m, place, { text: text.slice(before), finish, snapshot, length: snapshot.newIds.length });
}

/** The run of a passage was broken off; its text stays. @param {Manuscript} m @param {number} place */
export function abandon(m, place) {
  return put(m, place, { finish: "stopped" });
}

/** Passages that waited are not to be written: what stands before them shows. @param {Manuscript} m @param {number[]} waiting */
export function giveUp(m, waiting) {
  const dropped = new Set(waiting);
  const tips = m.tips.map((tip) => {
    const standing = path(m, tip).findLast((place) => !dropped.has(place) && m.passages[place].kind !== "opening");
    return standing ?? path(m, tip)[1] ?? tip;
  });
  return { ...m, tips: [...new Set(tips)] };
}

/** A draft that nobody has changed follows the texts that show. @param {Manuscript} m @param {Manuscript} before */
export function followOpening(m, before) {
  const [tip] = m.tips;
  const old = before.tips.length ? openingOf(before, before.tips[0]) : before.draft;
  if (tip === undefined || before.draft !== old) return m;
  const draft = openingOf(m, tip);
  return draft === m.draft ? m : { ...m, draft };
}
