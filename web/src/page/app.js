/** The page: ties state, view, model and address together. */

import { isKept } from "../runtime/bundle/bundle.js";
import { ask, insist } from "../runtime/bundle/host.js";
import { offered } from "../runtime/offered.js";
import { scriptName } from "../runtime/program_file.js";
import { asTrouble, Trouble } from "../runtime/trouble.js";
import { copyText, saveText } from "./dom.js";
import "./embed.js";
import { GRAPHICS, GraphicsChoice } from "./graphics_choice.js";
import { ModelClient } from "./model_client.js";
import { offerUpdate } from "./model_update.js";
import { OpeningGuard } from "./opening_guard.js";
import { defaultSettings, LINK_CHARACTERS, makeLink, parseField, readLink, readThreads } from "./settings.js";
import { wrongEntry } from "./site.js";
import * as states from "./state.js";
import { chooseLanguage, megabytes, text } from "./strings.js";
import { View } from "./view.js";

const LANGUAGE_KEY = "tf_gpt2 language";
// What the visitor starts first comes first; the graphics card is tried when nobody waits for the page.
const IDLE_MILLISECONDS = 2000;
// What can be said of a host that does not give site.json; of anything else, that it is missing.
const SAID_OF_HOSTS = ["host_busy", "host_fault", "host_refuses", "led_away", "web_page"];

/** @type {states.State} */
let state = states.initialState(preferredLanguage());
/** @type {ModelClient | null} */
let client = null;
/** @type {GraphicsChoice | null} Null when the address says what computes. */
let graphics = null;
/** @type {(() => Promise<void>) | null} Fetches a newer version of the model that is offered. */
let fetchUpdate = null;

const guard = new OpeningGuard(bundleUrl(), offered("localStorage"));
globalThis.addEventListener("pagehide", () => guard.end(false));

const view = new View({
  load,
  write,
  stop,
  undo,
  share,
  turn,
  copy,
  save,
  useAsPrompt,
  continue: () => goOn([...state.versions.keys()]),
  continueOne: (index) => goOn([index]),
  language: switchLanguage,
  defaults: () => state.site && update({ ...state, settings: defaultSettings(state.site.generation) }),
  update: () => fetchUpdate?.(),
  dismiss: (code) => update(states.dropNotice(state, code)),
  opening: (opening) => {
    view.prompt = opening;
    view.focusPrompt();
  },
  setting: changeSetting,
});

function update(/** @type {states.State} */ changed) {
  state = changed;
  view.render(state);
}

function notice(
  /** @type {string} */ code,
  /** @type {Record<string, any>} */ values = {},
  /** @type {"trouble" | "hint"} */ kind = "trouble",
) {
  update(states.addNotice(state, code, values, kind));
}

async function start() {
  update(state);
  if (location.protocol === "file:") {
    notice("file_protocol");
    return;
  }
  if (globalThis.origin === "null") {
    notice("sandboxed");
    return;
  }
  registerServiceWorker();
  const site = await readSite();
  if (!site) return;
  update(states.takeSite(state, site));
  applyLink();
  const address = new URLSearchParams(location.search);
  const forced = address.get("backend");
  const model = `${bundleUrl()} ${site.bytes}`;
  if (!forced && readThreads(address) === null)
    graphics = new GraphicsChoice(model, navigator.gpu, () => offered("localStorage"));
  const firstBackend = forced ?? (await graphics?.remembered()) ?? null;
  update({ ...state, firstBackend });
  if (await isKept(bundleUrl(), offered("caches"))) {
    update({ ...state, kept: true });
    if (guard.mayOpen()) load();
    else notice("opening_crashed", {}, "hint");
  }
}

/** @returns {Promise<import("./site.js").Site | null>} Null when it cannot be used, which a notice says. */
async function readSite() {
  let content;
  try {
    content = await insist(async () => {
      const response = await ask("site.json", "site.json", { cache: "no-cache" }, fetch);
      const body = await response.text();
      if (/^\s*</.test(body)) throw new Trouble("web_page", "site.json");
      return JSON.parse(body);
    });
  } catch (error) {
    const { code, detail } = asTrouble(error);
    notice(SAID_OF_HOSTS.includes(code) ? code : "site_missing", { detail });
    return null;
  }
  const detail = wrongEntry(content);
  if (detail) notice("site_damaged", { detail });
  return detail ? null : content;
}

function bundleUrl() {
  return new URL("bundle/", document.baseURI).href.replace(/[?#].*$/, "");
}

function applyLink() {
  const link = state.settings && readLink(location.hash, state.settings);
  if (!link) return;
  if (link.notice) notice(link.notice, {}, "hint");
  if (link.notice === "link_damaged") return;
  view.prompt = link.prompt;
  update({ ...state, settings: link.settings });
}

function load() {
  if (!states.abilities(state).canLoad || !state.site) return;
  client?.close();
  client = new ModelClient(
    bundleUrl(),
    state.firstBackend,
    { onMessage, onSwitch, onHandOver, onFail },
    undefined,
    readThreads(new URLSearchParams(location.search)),
  );
  update({
    ...state,
    phase: "loading",
    progress: { phase: "download", loaded: 0, total: 0 },
    notices: [],
    message: "",
  });
  guard.begin();
  client.load();
}

function onMessage(/** @type {import("../runtime/contract.js").FromWorker} */ message) {
  if (message.type === "progress") update({ ...state, progress: message });
  else if (message.type === "token") update(states.takeToken(state, message));
  else if (message.type === "done") finish(message);
  else if (message.type === "ready") {
    guard.end();
    update({ ...state, phase: "ready", ready: message, kept: message.storage === "stored", message: "readyIn" });
    if (message.storage !== "stored") notice(`storage_${message.storage}`, {}, "hint");
    if (!message.simd) notice("no_simd", {}, "hint");
    globalThis.dispatchEvent(new CustomEvent("model-ready", { detail: message }));
    if (client) graphics?.consider(client, message, idle);
    if (message.fromCache) lookForUpdate(message.model);
  }
}

/** Only a model that came from the device can be older than the host's. */
async function lookForUpdate(/** @type {string} */ model) {
  await idle();
  fetchUpdate = await offerUpdate(bundleUrl(), model, {
    onOffer: (bytes) => notice("model_offered", { size: megabytes(bytes) }, "hint"),
    onProgress: (loaded, total) => {
      update(states.dropNotice(state, "model_offered"));
      notice("model_coming", { loaded: megabytes(loaded), total: megabytes(total) }, "hint");
    },
    onKept: (storage) => {
      update(states.dropNotice(state, "model_coming"));
      notice(storage === "stored" ? "model_kept" : "model_not_kept", {}, "hint");
    },
    onFail: (code, detail) => {
      update(states.dropNotice(state, "model_coming"));
      notice("model_not_fetched", { detail: `${code}: ${detail}`.slice(0, 200) }, "hint");
    },
  });
}

/** Until nothing has been written for a while. @returns {Promise<void>} */
async function idle() {
  do await new Promise((resolve) => setTimeout(resolve, IDLE_MILLISECONDS));
  while (state.running);
}

/** The graphics card goes on where WebAssembly stopped; for the visitor nothing but the speed changes. */
function onHandOver(/** @type {import("../runtime/contract.js").ReadyMessage} */ ready) {
  update({ ...state, phase: "ready", ready });
  globalThis.dispatchEvent(new CustomEvent("model-ready", { detail: ready }));
}

function finish(/** @type {import("../runtime/contract.js").DoneMessage} */ message) {
  update(states.takeDone(state, message));
  if (message.cutTokens && state.ready && state.site) {
    notice("prompt_cut", { n: state.ready.contextLength, unit: state.site.unit }, "hint");
  }
  globalThis.dispatchEvent(new CustomEvent("run-done", { detail: message }));
  runNext();
}

function onSwitch(/** @type {string} */ failed, /** @type {string} */ code, /** @type {string} */ next) {
  if (failed === GRAPHICS) graphics?.failed();
  update({
    ...states.abandonRun(state),
    phase: "loading",
    ready: null,
    progress: { phase: "prepare", loaded: 0, total: 1 },
  });
  notice("switched", { from: failed, to: next, why: `why_${code}` }, "hint");
}

function onFail(/** @type {string} */ code, /** @type {string} */ detail) {
  guard.end();
  update({ ...states.abandonRun(state), phase: "failed", ready: null });
  notice(code, { detail: detail.slice(0, 200) });
}

function write() {
  if (!states.abilities(state).canWrite || !state.settings) return;
  const seed = state.settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  update(states.newVersions(state, view.prompt, seed));
  runNext();
}

function goOn(/** @type {number[]} */ indices) {
  if (!states.abilities(state).canContinue) return;
  update(states.continueVersions(state, indices));
  runNext();
}

function runNext() {
  if (!client || !state.settings || !state.queue.length) return;
  update(states.startNext(state));
  const { index, id } = /** @type {NonNullable<states.State["running"]>} */ (state.running);
  const version = state.versions[index];
  const { versions: _, seed: __, ...settings } = state.settings;
  client.post({
    type: "generate",
    id,
    prompt: version.prompt,
    resume: version.snapshot,
    sample: version.sample,
    settings: { ...settings, seed: version.seed },
  });
}

function stop() {
  if (!states.abilities(state).canStop) return;
  client?.post({ type: "stop" });
  update({ ...state, queue: [], stopping: true });
}

function undo() {
  update(states.undo(state));
}

function wholeText(/** @type {number} */ index) {
  const { prompt, text: written } = state.versions[index];
  return prompt + written;
}

async function copy(/** @type {number} */ index) {
  tell((await copyText(wholeText(index))) ? "copied" : "copyFailed");
}

function save(/** @type {number} */ index) {
  if (!state.site) return;
  const name = text(state.language, "fileName");
  saveText(`${state.site.name.replace(/[\\/:*?"<>|]/g, "")} ${name} ${index + 1}.txt`, wholeText(index));
}

function useAsPrompt(/** @type {number} */ index) {
  view.prompt = wholeText(index);
  view.focusPrompt();
}

async function share() {
  if (!state.settings) return;
  // The texts on the page are what the person means to share; without any, what is typed in.
  const [first] = state.versions;
  const seed = first?.seed ?? state.settings.seed;
  const { fragment, cut } = makeLink(first?.prompt ?? view.prompt, { ...state.settings, seed });
  history.replaceState(null, "", fragment);
  const copied = await copyText(location.href);
  tell(copied ? (cut ? "shareCut" : "shared") : "copyFailed");
}

function tell(/** @type {string} */ message) {
  const values = message === "shareCut" ? { n: LINK_CHARACTERS } : {};
  if (message === "shareCut" || state.phase !== "ready") notice(message, values, "hint");
  else update({ ...state, message });
}

function turn(/** @type {number} */ step) {
  const count = state.site?.samples.length ?? 0;
  if (count) update({ ...state, sample: (state.sample + step + count) % count });
}

function changeSetting(/** @type {string} */ name, /** @type {string} */ typed) {
  if (!state.settings) return;
  const value = parseField(name, typed);
  // A new object also when nothing changed, so that the field shows the value that counts.
  update({
    ...state,
    settings: value === undefined ? { ...state.settings } : { ...state.settings, [name]: value },
  });
}

function preferredLanguage() {
  let kept = null;
  try {
    kept = offered("localStorage")?.getItem(LANGUAGE_KEY);
  } catch {} // storage switched off
  return kept === "zh" || kept === "en" ? kept : chooseLanguage(navigator.languages);
}

function switchLanguage() {
  const language = state.language === "zh" ? "en" : "zh";
  try {
    offered("localStorage")?.setItem(LANGUAGE_KEY, language);
  } catch {}
  update({ ...state, language });
}

function registerServiceWorker() {
  /** @type {ServiceWorkerContainer | undefined} */
  const container = offered("serviceWorker", navigator);
  if (!container) return; // no https, or storage refused: the page works, but not offline
  try {
    const first = !container.controller;
    container.addEventListener("controllerchange", () => {
      if (!first) notice("updated", {}, "hint");
    });
    container.register(scriptName("service_worker.js"), { updateViaCache: "none" }).catch(() => {});
  } catch {} // a header of the host forbids it
}

start();
