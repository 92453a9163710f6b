/** What the page knows, and how it changes: pure functions, no DOM. */

import { newManuscript } from "./manuscript/tree.js";
import { defaultSettings } from "./settings.js";

export { addNotice, dropNotice, dropTroubles } from "./notices.js";
export * from "./running.js";
export * from "./texts.js";

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
