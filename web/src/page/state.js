/** What the page knows, and how it changes: pure functions, no DOM. */

import { defaultSettings } from "./settings.js";

/**
 * @typedef {import("../runtime/contract.js").Snapshot} Snapshot
 * @typedef {object} Version
 * @property {string} prompt
 * @property {string} text What the model has written after it.
 * @property {number} seed
 * @property {number} sample Which of the versions of one opening.
 * @property {Snapshot | null} snapshot Null until the first run ends.
 * @property {"" | "length" | "end_of_text" | "stopped"} finish Empty while it is being written or waits.
 * @property {number} count Tokens written.
 *
 * @typedef {{code: string, values: Record<string, string | number>, kind: "trouble" | "hint"}} Notice
 *
 * @typedef {object} State
 * @property {import("./strings.js").Language} language
 * @property {import("./site.js").Site | null} site Null until site.json is there.
 * @property {number} sample Which sample passage shows.
 * @property {boolean} kept Whether the model is on the device.
 * @property {string | null} firstBackend What to begin computing with; null for the usual order.
 * @property {"idle" | "loading" | "ready" | "failed"} phase Of the model.
 * @property {{phase: string, loaded: number, total: number}} progress
 * @property {import("../runtime/contract.js").ReadyMessage | null} ready
 * @property {Version[]} versions
 * @property {Version[][]} history What Undo goes back to.
 * @property {number[]} queue Versions that are to be written after the running one.
 * @property {number} runs How many were started: the id of the last one.
 * @property {{index: number, id: number} | null} running Which version is being written.
 * @property {boolean} stopping
 * @property {number} speed Tokens a second, 0 when unknown.
 * @property {Notice[]} notices
 * @property {import("./settings.js").PageSettings | null} settings Null as long as `site` is, which has the defaults.
 * @property {string} message Key of the sentence in the status line.
 */

// A token's weight in the shown speed: steady to the eye, and quick to follow a change.
const SPEED_SHARE = 0.1;
const MAX_HISTORY = 50;

/**
 * @param {import("./strings.js").Language} language
 * @returns {State}
 */
export function initialState(language) {
  return {
    language,
    site: null,
    sample: 0,
    kept: false,
    firstBackend: null,
    phase: "idle",
    progress: { phase: "download", loaded: 0, total: 0 },
    ready: null,
    versions: [],
    history: [],
    queue: [],
    runs: 0,
    running: null,
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

/**
 * New texts from an opening, which wait to be written.
 *
 * @param {State} state
 * @param {string} prompt
 * @param {number} seed
 * @returns {State}
 */
export function newVersions(state, prompt, seed) {
  const versions = Array.from({ length: state.settings?.versions ?? 0 }, (_, sample) => ({
    prompt,
    text: "",
    seed,
    sample,
    snapshot: null,
    finish: /** @type {const} */ (""),
    count: 0,
  }));
  return { ...remember(state), versions, queue: [...versions.keys()], speed: 0 };
}

/**
 * The texts at some places wait to be continued, but for those that the model has ended.
 *
 * @param {State} state
 * @param {number[]} indices
 * @returns {State}
 */
export function continueVersions(state, indices) {
  const queue = indices.filter((index) => state.versions[index].finish !== "end_of_text");
  return { ...remember(state), queue };
}

/**
 * Starts the next run that waits.
 *
 * @param {State} state
 * @returns {State} The same when none waits.
 */
export function startNext(state) {
  const [index, ...queue] = state.queue;
  if (index === undefined) return state;
  const id = state.runs + 1;
  const changed = changeVersion(state, index, { finish: "" });
  return { ...changed, queue, runs: id, running: { index, id }, stopping: false, speed: 0, message: "" };
}

/**
 * The run that a backend took down with it ends where it is; its text can be continued on the next one.
 *
 * @param {State} state
 * @returns {State}
 */
export function abandonRun(state) {
  if (!state.running) return { ...state, queue: [] };
  const { index } = state.running;
  const version = state.versions[index];
  // Without a snapshot of its last token, what was written by this run is handed on as part of the opening.
  const prompt = version.prompt + version.text;
  const changed = changeVersion(state, index, { prompt, text: "", snapshot: null, finish: "stopped", count: 0 });
  return { ...changed, queue: [], running: null, stopping: false, message: "" };
}

/** @param {State} state */
export function remember(state) {
  return { ...state, history: [...state.history, state.versions].slice(-MAX_HISTORY) };
}

/** @param {State} state */
export function undo(state) {
  if (state.running || !state.history.length) return state;
  const versions = state.history[state.history.length - 1];
  return { ...state, versions, history: state.history.slice(0, -1), message: "" };
}

/**
 * @param {State} state
 * @param {number} index
 * @param {Partial<Version>} change
 */
export function changeVersion(state, index, change) {
  const versions = state.versions.map((version, i) => (i === index ? { ...version, ...change } : version));
  return { ...state, versions };
}

/**
 * @param {State} state
 * @param {import("../runtime/contract.js").TokenMessage} message
 */
export function takeToken(state, { id, text, count, milliseconds }) {
  if (state.running?.id !== id) return state;
  const { index } = state.running;
  const version = state.versions[index];
  // The first token of a run waits for the whole prompt: no measure of speed.
  const first =
    version.finish === "" && state.speed === 0 && version.count === (version.snapshot?.newIds.length ?? 0);
  const rate = (1000 * count) / Math.max(milliseconds, 0.01);
  const smoothed = state.speed ? 1 / ((1 - SPEED_SHARE) / state.speed + SPEED_SHARE / rate) : rate;
  const changed = changeVersion(state, index, { text: version.text + text, count: version.count + count });
  return { ...changed, speed: first ? 0 : smoothed };
}

/**
 * @param {State} state
 * @param {import("../runtime/contract.js").DoneMessage} message
 * @returns {State}
 */
export function takeDone(state, message) {
  if (state.running?.id !== message.id) return state;
  const { text, finish, snapshot } = message;
  const changed = changeVersion(state, state.running.index, {
    text,
    finish,
    snapshot,
    count: snapshot.newIds.length,
  });
  const sentence = { length: "finished", stopped: "stopped", end_of_text: "ended" }[finish];
  return { ...changed, queue: finish === "stopped" ? [] : state.queue, running: null, message: sentence };
}

/**
 * @param {State} state
 * @param {string} code
 * @param {Record<string, string | number>} [values]
 * @param {Notice["kind"]} [kind]
 * @returns {State}
 */
export function addNotice(state, code, values = {}, kind = "trouble") {
  const others = state.notices.filter((notice) => notice.code !== code);
  return { ...state, notices: [...others, { code, values, kind }] };
}

/** @param {State} state @param {string} code */
export function dropNotice(state, code) {
  return { ...state, notices: state.notices.filter((notice) => notice.code !== code) };
}

/** What the buttons can do now. @param {State} state */
export function abilities(state) {
  const idle = state.phase === "ready" && !state.running;
  const continuable =
    state.versions.length > 0 && state.versions.some((version) => version.finish !== "end_of_text");
  return {
    canLoad: state.phase === "idle" || state.phase === "failed",
    canWrite: idle,
    canStop: state.running !== null && !state.stopping,
    canContinue: idle && continuable,
    canUndo: !state.running && state.history.length > 0,
  };
}
