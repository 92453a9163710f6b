/** Writes what a link describes again, step by step: pure functions. */

import { add, addWritten, select } from "./changes.js";
import { checksum } from "./link.js";
import { wholeText } from "./tree.js";

/**
 * @typedef {import("./tree.js").Manuscript} Manuscript
 * @typedef {import("./link.js").Shared} Shared
 * @typedef {{shared: Shared, model: string, places: number[]}} Replay `places` are those of the steps that have been
 *   taken, among the passages.
 */

/**
 * @param {Shared} shared
 * @param {string} model Hash of the model that writes.
 * @returns {Replay}
 */
export function startReplay(shared, model) {
  return { shared, model, places: [] };
}

/**
 * Takes the steps up to the next that the model has to write.
 *
 * @param {Manuscript} m
 * @param {Replay} replay
 * @returns {{manuscript: Manuscript, replay: Replay | null, waiting: number[]}} `replay` is null when no step is left.
 */
export function advance(m, replay) {
  const { shared, model } = replay;
  const places = [...replay.places];
  let manuscript = m;
  for (let next = places.length; next < shared.steps.length; next++) {
    const [changed, place] = take(manuscript, shared, shared.steps[next], places, model);
    places.push(place);
    manuscript = show(changed, shared, places);
    if (shared.steps[next][0] === "w") return { manuscript, replay: { ...replay, places }, waiting: [place] };
  }
  manuscript = { ...manuscript, tips: shared.tips.map((tip) => places[tip]) };
  return { manuscript, replay: null, waiting: [] };
}

/**
 * @param {Manuscript} m
 * @param {Shared} shared
 * @param {import("./link.js").Step} step
 * @param {number[]} places
 * @param {string} model
 * @returns {[Manuscript, number]}
 */
function take(m, shared, step, places, model) {
  const unmade = { made: null, length: 0, snapshot: null, finish: /** @type {const} */ ("") };
  if (step[0] === "o")
    return add(m, { ...unmade, parent: null, kind: "opening", at: 0, removed: 0, text: step[1] });
  const parent = places[step[1]];
  if (step[0] === "e") {
    // Should the text have come out otherwise, the change goes as near as it can.
    const { length } = wholeText(m, parent);
    const at = Math.min(step[2], length);
    const removed = Math.min(step[3], length - at);
    return add(m, { ...unmade, parent, kind: "edit", at, removed, text: step[4] });
  }
  const [, , used, seed, sample, maxNewTokens, resumed] = step;
  const before = m.passages[parent];
  const made = {
    ...shared.settings[used],
    model,
    maxNewTokens,
    finishSentence: false, // the number of tokens is that of the text as it was written
    seed,
    sample,
    resumed: resumed === 1 && before.snapshot !== null,
  };
  return addWritten(m, parent, made);
}

/** Shows the texts that are there by now, and the one being written. */
function show(/** @type {Manuscript} */ m, /** @type {Shared} */ { tips }, /** @type {number[]} */ places) {
  const done = tips.filter((tip) => tip < places.length - 1).map((tip) => places[tip]);
  return { ...m, tips: [...new Set([...done, places[places.length - 1]])] };
}

/** Whether the texts came out as they were. @param {Manuscript} m @param {Shared} shared */
export function cameOut(m, { sums }) {
  return (
    m.tips.length === sums.length && m.tips.every((tip, column) => checksum(wholeText(m, tip)) === sums[column])
  );
}

/** The texts that a link carries along, as texts of a person. @param {Manuscript} m @param {Shared} shared */
export function takeTexts(m, shared) {
  const texts = shared.texts.length
    ? shared.texts
    : shared.steps.flatMap((step) => (step[0] === "o" ? [step[1]] : []));
  let manuscript = m;
  /** @type {number[]} */
  const tips = [];
  for (const text of texts) {
    const opening = /** @type {const} */ ({ parent: null, kind: "opening", at: 0, removed: 0, text });
    const [next, place] = add(manuscript, { ...opening, made: null, length: 0, snapshot: null, finish: "" });
    manuscript = next;
    tips.push(place);
  }
  return select(manuscript, tips);
}
