/** What the desk's buttons do: load, write, go on, stop; and what the model's messages change. */

import { abilities } from "./abilities.js";
import { GRAPHICS } from "./graphics_choice.js";
import { ModelClient } from "./model_client.js";
import { offerUpdate } from "./model_update.js";
import { readThreads } from "./settings.js";
import * as states from "./state.js";
import { megabytes } from "./strings.js";

/**
 * @typedef {import("./live_page.js").LivePage} LivePage
 * @typedef {import("../runtime/contract.js").FromWorker} FromWorker
 */

// What the visitor starts first comes first; the graphics card is tried when nobody waits for the page.
const IDLE_MILLISECONDS = 2000;
const COMPLETES = 1.5; // tokens a character, from which on the model reads bytes and not characters

export class Desk {
  /**
   * @param {LivePage} page
   * @param {string} url The bundle's folder.
   * @param {import("./opening_guard.js").OpeningGuard} guard
   */
  constructor(page, url, guard) {
    this.page = page;
    this.url = url;
    this.guard = guard;
    /** @type {ModelClient | null} */
    this.client = null;
    /** @type {import("./graphics_choice.js").GraphicsChoice | null} Null when the address says what computes. */
    this.graphics = null;
    /** @type {import("./sharing.js").Sharing | null} */
    this.sharing = null;
    /** @type {(() => Promise<void>) | null} Fetches a newer version of the model that is offered. */
    this.fetchUpdate = null;
  }

  load() {
    const { page } = this;
    if (!abilities(page.state).canLoad) return;
    this.client?.close();
    const threads = readThreads(new URLSearchParams(location.search));
    const callbacks = {
      onMessage: (/** @type {FromWorker} */ message) => this.take(message),
      onSwitch: this.switched.bind(this),
      onHandOver: this.handedOver.bind(this),
      onFail: this.failed.bind(this),
    };
    this.client = new ModelClient(this.url, page.state.firstBackend, callbacks, undefined, threads);
    const progress = { phase: "download", loaded: 0, total: 0 };
    page.update({ ...states.dropTroubles(page.state), phase: "loading", progress, message: "" });
    this.guard.begin();
    this.client.load();
  }

  /** Now, or as soon as the model is there. @param {"write" | "continue"} wanted @param {number[]} columns */
  want(wanted, columns) {
    const { page } = this;
    const able = abilities(page.state);
    if (!(wanted === "write" ? able.canWrite : able.canContinue)) return;
    page.update({ ...page.state, wanted, wantedColumns: columns, said: { place: -1, message: "", values: {} } });
    this.load();
    this.begin();
  }

  /** Begins what is wanted, once the model is there; else what waits. */
  begin() {
    const { page } = this;
    const { state } = page;
    if (state.phase !== "ready" || state.running) return;
    if (state.wanted === "write") page.update(states.newVersions(state, state.manuscript.draft, this.seed()));
    else if (state.wanted === "continue") {
      page.update(states.continueVersions(state, state.wantedColumns, this.seed()));
    } else if (state.wanted === "shared") this.sharing?.write();
    this.runNext();
  }

  /** Another text beside one, in the place of its last passage. @param {number} column */
  branch(column) {
    const { page } = this;
    if (!abilities(page.state).canContinue || page.state.phase !== "ready") return;
    // The seed that is set would write the same text again.
    page.update(states.branchVersion(page.state, column, randomSeed()));
    this.runNext();
  }

  seed() {
    return this.page.state.settings?.seed ?? randomSeed();
  }

  runNext() {
    const { page, client } = this;
    if (!client || page.state.running || !page.state.queue.length) return;
    page.update(states.startNext(page.state));
    const message = states.runMessage(page.state);
    if (message) client.post(message);
  }

  stop() {
    const { page } = this;
    if (!abilities(page.state).canStop) return;
    if (page.state.running) {
      this.client?.post({ type: "stop" });
      page.update({ ...page.state, stopping: true });
      return;
    }
    // The model is still coming: what has come of it is not thrown away, but nothing is written.
    if (page.state.phase === "loading" && !page.state.kept) {
      this.client?.close();
      page.update({ ...page.state, wanted: "", phase: "idle", message: "" });
    } else page.update({ ...page.state, wanted: "" });
  }

  /** @private */
  take(/** @type {FromWorker} */ message) {
    const { page } = this;
    if (message.type === "progress") page.update({ ...page.state, progress: message });
    else if (message.type === "token") page.update(states.takeToken(page.state, message));
    else if (message.type === "done") this.finish(message);
    else if (message.type === "ready") this.ready(message);
  }

  /** @private */
  ready(/** @type {import("../runtime/contract.js").ReadyMessage} */ message) {
    const { page } = this;
    const kept = message.storage === "stored";
    this.guard.end();
    page.update({ ...page.state, phase: "ready", ready: message, kept, message: "readyIn" });
    if (!kept) page.notice(`storage_${message.storage}`, {}, "hint");
    if (!message.simd) page.notice("no_simd", {}, "hint");
    globalThis.dispatchEvent(new CustomEvent("model-ready", { detail: message }));
    if (this.client) this.graphics?.consider(this.client, message, () => this.idle());
    if (message.fromCache) this.lookForUpdate(message.model);
    this.begin();
  }

  /** Only a model that came from the device can be older than the host's. @private */
  async lookForUpdate(/** @type {string} */ model) {
    const { page } = this;
    await this.idle();
    const replace = (/** @type {string} */ former, /** @type {string} */ code, /** @type {any} */ values) => {
      page.update(states.dropNotice(page.state, former));
      page.notice(code, values, "hint");
    };
    this.fetchUpdate = await offerUpdate(this.url, model, {
      onOffer: (bytes) => page.notice("model_offered", { size: megabytes(bytes) }, "hint"),
      onProgress: (loaded, total) =>
        replace("model_offered", "model_coming", { loaded: megabytes(loaded), total: megabytes(total) }),
      onKept: (storage) => replace("model_coming", storage === "stored" ? "model_kept" : "model_not_kept", {}),
      onFail: (code, detail) =>
        replace("model_coming", "model_not_fetched", { detail: `${code}: ${detail}`.slice(0, 200) }),
    });
  }

  /** Until nothing has been written for a while. @returns {Promise<void>} @private */
  async idle() {
    do await new Promise((resolve) => setTimeout(resolve, IDLE_MILLISECONDS));
    while (this.page.state.running);
  }

  /** The graphics card goes on where WebAssembly stopped; for the visitor nothing but the speed changes. @private */
  handedOver(/** @type {import("../runtime/contract.js").ReadyMessage} */ ready) {
    this.page.update({ ...this.page.state, phase: "ready", ready });
    globalThis.dispatchEvent(new CustomEvent("model-ready", { detail: ready }));
  }

  /** @private */
  finish(/** @type {import("../runtime/contract.js").DoneMessage} */ message) {
    const { page } = this;
    const { running, manuscript, site } = page.state;
    const { parent, made } = manuscript.passages[running?.place ?? 0] ?? {};
    page.update(states.takeDone(page.state, message));
    if (message.cutTokens && page.state.ready && site) {
      page.notice("prompt_cut", { n: page.state.ready.contextLength, unit: site.unit }, "hint");
    }
    const opening = typeof parent === "number" && !made?.resumed ? manuscript.passages[parent] : null;
    if (opening?.kind === "opening")
      this.weigh([...opening.text].length, message.prefillTokens + message.cutTokens);
    globalThis.dispatchEvent(new CustomEvent("run-done", { detail: message }));
    if (!page.state.queue.length) this.sharing?.next();
    this.runNext();
  }

  /** Characters that are no tokens are read byte by byte, and the model has hardly seen them. @private */
  weigh(/** @type {number} */ characters, /** @type {number} */ tokens) {
    const { page } = this;
    page.update(states.dropNotice(page.state, "hardly_known"));
    if (characters && tokens > COMPLETES * characters) page.notice("hardly_known", {}, "hint");
  }

  /** @private */
  switched(/** @type {string} */ failed, /** @type {string} */ code, /** @type {string} */ next) {
    const { page } = this;
    if (failed === GRAPHICS) this.graphics?.failed();
    const progress = { phase: "prepare", loaded: 0, total: 1 };
    page.update({ ...states.abandonRun(page.state), phase: "loading", ready: null, progress });
    page.notice("switched", { from: failed, to: next, why: `why_${code}` }, "hint");
  }

  /** @private */
  failed(/** @type {string} */ code, /** @type {string} */ detail) {
    const { page } = this;
    this.guard.end();
    page.update({ ...states.abandonRun(page.state), phase: "failed", ready: null, wanted: "" });
    page.notice(code, { detail: detail.slice(0, 200) });
  }
}

function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
