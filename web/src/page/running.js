/** A run of the model, from its turn to its end: pure functions of the page's state. */

import * as changes from "./manuscript/changes.js";
import { ownLength, wholeText } from "./manuscript/tree.js";
import { changeManuscript } from "./texts.js";

/** @typedef {import("./state.js").State} State */

// A token's weight in the shown speed: steady to the eye, and quick to follow a change.
const SPEED_SHARE = 0.1;

/**
 * Starts the next run that waits.
 *
 * @param {State} state
 * @returns {State} The same when none waits.
 */
export function startNext(state) {
  const [place, ...queue] = state.queue;
  if (place === undefined) return state;
  const id = state.runs + 1;
  return { ...state, queue, runs: id, running: { place, id }, stopping: false, speed: 0, message: "" };
}

/**
 * What the worker is to be asked for the running passage.
 *
 * @param {State} state
 * @returns {import("../runtime/contract.js").GenerateMessage | null}
 */
export function runMessage({ running, manuscript }) {
  if (!running) return null;
  const { made, parent } = manuscript.passages[running.place];
  if (!made || parent === null) return null;
  const { model: _, resumed, sample, ...settings } = made;
  const resume = resumed ? manuscript.passages[parent].snapshot : null;
  return {
    type: "generate",
    id: running.id,
    prompt: promptOf(manuscript, running.place),
    resume,
    sample,
    settings,
  };
}

/** What stood there before the run that a passage belongs to. */
function promptOf(/** @type {State["manuscript"]} */ manuscript, /** @type {number} */ place) {
  let { made, parent } = manuscript.passages[place];
  while (made?.resumed && parent !== null) ({ made, parent } = manuscript.passages[parent]);
  return parent === null ? "" : wholeText(manuscript, parent);
}

/**
 * The run that a backend took down with it ends where it is; its text can be continued on the next one.
 *
 * @param {State} state
 * @returns {State}
 */
export function abandonRun(state) {
  const given = { ...dropQueue(state), replay: null };
  if (!state.running) return given;
  const manuscript = changes.abandon(given.manuscript, state.running.place);
  return { ...given, manuscript, running: null, stopping: false, message: "" };
}

/** What waits is not written. @param {State} state @returns {State} */
export function dropQueue(state) {
  if (!state.queue.length) return state;
  return { ...changeManuscript(state, changes.giveUp(state.manuscript, state.queue)), queue: [] };
}

/**
 * @param {State} state
 * @param {import("../runtime/contract.js").TokenMessage} message
 * @returns {State}
 */
export function takeToken(state, { id, text, count, milliseconds }) {
  if (state.running?.id !== id) return state;
  const { place } = state.running;
  // The first token of a run waits for the whole prompt: no measure of speed.
  const first = ownLength(state.manuscript, place) <= 0;
  const rate = (1000 * count) / Math.max(milliseconds, 0.01);
  const smoothed = state.speed ? 1 / ((1 - SPEED_SHARE) / state.speed + SPEED_SHARE / rate) : rate;
  const manuscript = changes.grow(state.manuscript, place, text, count);
  return { ...state, manuscript, speed: first ? 0 : smoothed };
}

/**
 * @param {State} state
 * @param {import("../runtime/contract.js").DoneMessage} message
 * @returns {State}
 */
export function takeDone(state, message) {
  if (state.running?.id !== message.id) return state;
  const manuscript = changes.settle(state.manuscript, state.running.place, message);
  const sentence = { length: "finished", stopped: "stopped", end_of_text: "ended" }[message.finish];
  const ended = { ...state, manuscript, running: null, message: sentence };
  return message.finish === "stopped" ? { ...dropQueue(ended), replay: null } : ended;
}
