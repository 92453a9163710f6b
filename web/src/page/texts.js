/** What a visitor does to the texts on the desk: pure functions of the page's state. */

import * as changes from "./manuscript/changes.js";

/** @typedef {import("./state.js").State} State */

/** The hash of the model that writes; empty when unknown. @param {State} state */
export function modelOf(state) {
  return state.ready?.model || state.model;
}

/** What the model is to write with, as it is set now. @param {State} state @param {number} seed */
function settingsAsUsed(state, seed) {
  const {
    versions: _,
    seed: __,
    ...settings
  } = /** @type {import("./settings.js").PageSettings} */ (state.settings);
  const avoidCopying = state.site?.originality?.kind === "index" ? settings.avoidCopying : 0;
  return { ...settings, avoidCopying, seed, model: modelOf(state) };
}

/** @param {State} state @param {{manuscript: State["manuscript"], waiting: number[]}} change @returns {State} */
function queueUp(state, { manuscript, waiting }) {
  return { ...changeManuscript(state, manuscript), queue: waiting, wanted: "" };
}

/** Another state of the manuscript; a draft that nobody changed follows. @param {State} state @param {State["manuscript"]} manuscript */
export function changeManuscript(state, manuscript) {
  if (manuscript === state.manuscript) return state;
  return { ...state, manuscript: changes.followOpening(manuscript, state.manuscript) };
}

/**
 * New texts from an opening, which wait to be written.
 *
 * @param {State} state
 * @param {string} opening
 * @param {number} seed
 * @returns {State}
 */
export function newVersions(state, opening, seed) {
  const made = settingsAsUsed(state, seed);
  const count = state.settings?.versions ?? 0;
  const mades = Array.from({ length: count }, (_, sample) => ({ ...made, sample, resumed: false }));
  return queueUp(state, changes.begin(state.manuscript, opening, mades));
}

/**
 * The texts in some columns wait to be continued, but for those that the model has ended.
 *
 * @param {State} state
 * @param {number[]} columns
 * @param {number} seed For texts that cannot go on exactly where they ended.
 * @returns {State}
 */
export function continueVersions(state, columns, seed) {
  return queueUp(state, changes.goOn(state.manuscript, columns, settingsAsUsed(state, seed)));
}

/** Another text in place of the last passage of a column. @param {State} state @param {number} column @param {number} seed */
export function branchVersion(state, column, seed) {
  return queueUp(state, changes.branch(state.manuscript, column, settingsAsUsed(state, seed)));
}

/**
 * Another text beside one, which from a place on has a candidate instead.
 *
 * @param {State} state
 * @param {number} column
 * @param {number} at
 * @param {string} text Of the candidate.
 * @param {number} seed
 * @returns {State}
 */
export function branchAt(state, column, at, text, seed) {
  if (!(column in state.manuscript.tips)) return state;
  return queueUp(state, changes.branchAt(state.manuscript, column, at, text, settingsAsUsed(state, seed)));
}

/** @param {State} state */
export function undo(state) {
  return state.running ? state : changeManuscript(state, changes.undo(state.manuscript));
}

/** @param {State} state */
export function redo(state) {
  return state.running ? state : changeManuscript(state, changes.redo(state.manuscript));
}

/** Shows other texts. @param {State} state @param {number[]} tips */
export function choose(state, tips) {
  return state.running ? state : changeManuscript(state, changes.select(state.manuscript, tips));
}

/**
 * What was said of the text that the model wrote does not hold for what a visitor makes of it.
 *
 * @param {State} state @param {number} column @param {string} whole @param {boolean} [amend]
 */
export function editVersion(state, column, whole, amend = false) {
  if (state.running || !(column in state.manuscript.tips)) return state;
  const edited = changeManuscript(state, changes.edit(state.manuscript, column, whole, amend));
  return edited === state ? state : { ...edited, message: "" };
}
