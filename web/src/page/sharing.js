/** Links: made of what is shown, and opened, also when one is pasted into the open tab. */

import { copyText } from "./dom.js";
import { isLink, isModel, makeLink, readLink } from "./manuscript/link.js";
import { advance, cameOut, startReplay, takeTexts } from "./manuscript/replay.js";
import { readLink as readSettings } from "./settings.js";
import * as states from "./state.js";

/** @typedef {import("./live_page.js").LivePage} LivePage */

export class Sharing {
  /**
   * @param {LivePage} page
   * @param {{begin: () => Promise<void>}} keeping
   * @param {() => Promise<string>} modelHash Of the model that would be loaded.
   * @param {() => void} load Loads the model, and writes what is wanted.
   */
  constructor(page, keeping, modelHash, load) {
    this.page = page;
    this.keeping = keeping;
    this.modelHash = modelHash;
    this.load = load;
  }

  /** Copies a link to some of the texts that show. @param {number[]} columns @param {number} said Where to say so. */
  async share(columns, said) {
    const { manuscript, settings } = this.page.state;
    if (!settings) return;
    const tips = columns.map((column) => manuscript.tips[column]);
    const { fragment, carries } = tips.length
      ? await makeLink(manuscript, tips)
      : { fragment: this.draftLink(), carries: "draft" };
    history.replaceState(null, "", fragment);
    const copied = await copyText(location.href);
    this.page.say(said, copied ? `shared_${carries}` : "shareByHand");
  }

  /** Nothing is written yet: what is typed in, with the settings. @private */
  draftLink() {
    const { manuscript, settings } = this.page.state;
    const parameters = new URLSearchParams({ p: manuscript.draft });
    const { finishSentence, ...numbers } = /** @type {import("./settings.js").PageSettings} */ (settings);
    const keys = {
      temperature: "t",
      topK: "k",
      topP: "tp",
      repetitionPenalty: "rp",
      maxNewTokens: "n",
      versions: "v",
    };
    for (const [name, key] of Object.entries(keys)) parameters.set(key, String(/** @type {any} */ (numbers)[name]));
    if (numbers.seed !== null) parameters.set("seed", String(numbers.seed));
    parameters.set("finish", finishSentence ? "1" : "0");
    return `#${parameters}`;
  }

  /** Reads the address. */
  async open() {
    const { page } = this;
    const fragment = location.hash;
    if (!page.state.settings || page.state.running) return;
    page.update(states.dropNotice(states.dropNotice(page.state, "link_damaged"), "link_adjusted"));
    if (!isLink(fragment)) {
      this.openSettings(fragment);
      return;
    }
    const shared = await readLink(fragment);
    if (shared && !states.modelOf(page.state)) {
      const model = await this.modelHash();
      page.update({ ...page.state, model });
    }
    if (!shared) page.notice("link_damaged", {}, "hint");
    // A tab that is loaded again shows what it shared itself.
    else if (!cameOut(page.state.manuscript, shared)) page.update({ ...page.state, shared });
  }

  /** @private */
  openSettings(/** @type {string} */ fragment) {
    const { page } = this;
    const link = readSettings(fragment, /** @type {any} */ (page.state.settings));
    if (!link) return;
    if (link.notice) page.notice(link.notice, {}, "hint");
    if (link.notice === "link_damaged") return;
    const { manuscript } = page.state;
    const draft = link.prompt || manuscript.draft;
    page.update({ ...page.state, settings: link.settings, manuscript: { ...manuscript, draft } });
  }

  dismiss() {
    this.page.update({ ...this.page.state, shared: null, wanted: "" });
    history.replaceState(null, "", location.pathname + location.search);
  }

  /** The one button: loads the model if need be, and writes the very text. */
  async take() {
    const { page } = this;
    if (!page.state.shared) return;
    if (fits(page.state) === "no" || !needsModel(page.state.shared)) {
      await this.takeTexts();
      return;
    }
    if (page.state.phase === "ready") await this.write();
    else {
      page.update({ ...page.state, wanted: "shared" });
      this.load();
    }
  }

  /** The texts as they are, to go on from; the model that made them is another. */
  async takeTexts() {
    const { page } = this;
    const { shared } = page.state;
    if (!shared) return;
    await this.keeping.begin();
    const { state } = page;
    page.update(
      settle({ ...states.changeManuscript(state, takeTexts(state.manuscript, shared)), shared: null, wanted: "" }),
    );
  }

  /** Begins to write what was shared, in a manuscript of its own; then `next` is called after each run. */
  async write() {
    const { page } = this;
    const { shared } = page.state;
    page.update({ ...page.state, wanted: "" });
    if (!shared || fits(page.state) === "no") return; // which model it is may only be known now
    await this.keeping.begin();
    const { next, settings } = shared;
    const changed = { ...settings.at(-1), ...next, seed: null, versions: 1 };
    const kept = /** @type {import("./settings.js").PageSettings} */ (page.state.settings);
    page.update({
      ...page.state,
      shared: null,
      settings: { ...kept, ...changed },
      replay: startReplay(shared, states.modelOf(page.state)),
    });
    this.next();
    this.load(); // which starts what waits now
  }

  /** Takes the next steps of a shared text. */
  next() {
    const { page } = this;
    const { replay, manuscript } = page.state;
    if (!replay) return;
    const step = advance(manuscript, replay);
    const changed = states.changeManuscript(page.state, step.manuscript);
    page.update({ ...changed, queue: step.waiting, replay: step.replay });
    if (step.replay) return;
    page.update(settle(page.state));
    if (!cameOut(page.state.manuscript, replay.shared)) page.notice("link_differs", {}, "hint");
  }
}

/** Undo does not go back into the middle of what was shared. @param {states.State} state */
function settle(state) {
  return { ...state, manuscript: { ...state.manuscript, past: [], future: [] } };
}

/** Whether a model has anything to do for it. @param {import("./manuscript/link.js").Shared} shared */
export const needsModel = (shared) => shared.steps.some(([kind]) => kind === "w");

/** Whether the model at hand wrote what was shared. @param {states.State} state @returns {"yes" | "no" | "unknown"} */
export function fits(state) {
  const hash = states.modelOf(state);
  if (!state.shared || !hash) return "unknown";
  return isModel(hash, state.shared.model) || !needsModel(state.shared) ? "yes" : "no";
}
