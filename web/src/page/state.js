/** What the page knows, and how it changes: pure functions, no DOM. */

import * as changes from "./manuscript/changes.js";
import { newManuscript, ownLength, wholeText } from "./manuscript/tree.js";
import { defaultSettings } from "./settings.js";

export { addNotice, dropNotice, dropTroubles } from "./notices.js";

/**
 * @typedef {{code: string, values: Record<string, string | number>, kind: "trouble" | "hint"}} Notice
 *
 * @typedef {object} State
 * @property {import("./strings.js").Language} language
 * @property {import("./site.js").Site | null} site Null until site.json is there.
 * @property {number} sample Which sample passage shows.
 * @property {boolean} started Whether all is there that the first sight of the page needs.
 * @property {boolean} kept Whether the model is on the device.
 * @property {string | null} firstBackend What to begin computing with; null for the usual order.
 * @property {"idle" | "loading" | "ready" | "failed"} phase Of the model.
 * @property {{phase: string, loaded: number, total: number}} progress
 * @property {import("../runtime/contract.js").ReadyMessage | null} ready
 * @property {import("./manuscript/tree.js").Manuscript} manuscript
 * @property {number[]} queue Passages that are to be written after the running one.
 * @property {number} runs How many were started: the id of the last one.
 * @property {{place: number, id: number} | null} running Which passage is being written.
 * @property {"" | "write" | "continue" | "shared"} wanted What was pressed before the model was there.
 * @property {number[]} wantedColumns Of the texts to continue then.
 * @property {import("./manuscript/link.js").Shared | null} shared What a link brought, until it is taken or put aside.
 * @property {string} model Hash of the model that the site offers, before one is loaded; empty when unknown.
 * @property {import("./manuscript/replay.js").Replay | null} replay A shared text that is being written again.
 * @property {"yes" | "no" | "unknown"} keeping Whether manuscripts are kept on the device.
 * @property {boolean} stopping
 * @property {number} speed Tokens a second, 0 when unknown.
 * @property {Notice[]} notices
 * @property {import("./settings.js").PageSettings | null} settings Null as long as `site` is, which has the defaults.
 * @property {string} corrected Name of the setting that was forced into range last.
 * @property {{place: number, message: string, values: Record<string, string | number>}} said A sentence beside the text
 *   of a passage, whose button was pressed.
 * @property {string} message Key of the sentence in the status line.
 */

// A token's weight in the shown speed: steady to the eye, and quick to follow a change.
const SPEED_SHARE = 0.1;

/**
 * @param {import("./strings.js").Language} language
 * @returns {State}
 */
export function initialState(language) {
  return {
    language,
    site: null,
    sample: 0,
    started: false,
    kept: false,
    firstBackend: null,
    phase: "idle",
    progress: { phase: "download", loaded: 0, total: 0 },
    ready: null,
    manuscript: newManuscript("new", 0),
    queue: [],
    runs: 0,
    running: null,
    wanted: "",
    wantedColumns: [],
    shared: null,
    model: "",
    replay: null,
    keeping: "unknown",
    corrected: "",
    said: { place: -1, message: "", values: {} },
    stopping: false,
    speed: 0,
    notices: [],
    settings: null,
    message: "",
  };
}

/**
 * @param {State} state
 * @param {import("./site.js").Site} site
 * @returns {State} With the settings of the site's model.
 */
export function takeSite(state, site) {
  return { ...state, site, settings: defaultSettings(site.generation) };
}

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
