/** The page: ties state, view, model and address together. */

import { isKept } from "../runtime/bundle/bundle.js";
import { copyText, saveText } from "./dom.js";
import { GRAPHICS, GraphicsChoice } from "./graphics_choice.js";
import { ModelClient } from "./model_client.js";
import { defaultSettings, LINK_CHARACTERS, makeLink, parseField, readLink, readThreads } from "./settings.js";
import * as states from "./state.js";
import { chooseLanguage, text } from "./strings.js";
import { View } from "./view.js";

const LANGUAGE_KEY = "tf_gpt2 language";
// What the visitor starts first comes first; the graphics card is tried when nobody waits for the page.
const IDLE_MILLISECONDS = 2000;

/** @type {states.State} */
let state = states.initialState(preferredLanguage(), defaultSettings());
/** @type {ModelClient | null} */
let client = null;
/** @type {GraphicsChoice | null} Null when the address says what computes. */
let graphics = null;
let nextId = 1;
/** @type {string | null} */
let firstBackend = null;
/** @type {number[]} Versions that are to be written after the running one. */
let queue = [];

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
  continue: () => goOn(state.versions.map((_, index) => index)),
  continueOne: (index) => goOn([index]),
  language: switchLanguage,
  defaults: () => update({ ...state, settings: siteDefaults() }),
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
  registerServiceWorker();
  try {
    const response = await fetch("site.json", { cache: "no-cache" });
    update({ ...state, site: await response.json() });
  } catch {
    notice("site_missing");
    return;
  }
  update({ ...state, settings: siteDefaults() });
  applyLink();
  const address = new URLSearchParams(location.search);
  const forced = address.get("backend");
  const model = `${bundleUrl()} ${state.site.bytes}`;
  if (!forced && readThreads(address) === null)
    graphics = new GraphicsChoice(model, navigator.gpu, () => localStorage);
  firstBackend = forced ?? (await graphics?.remembered()) ?? null;
  if (await isKept(bundleUrl(), globalThis.caches)) {
    update({ ...state, kept: true });
    load();
  }
}

function siteDefaults() {
  return defaultSettings(state.site?.generation);
}

function bundleUrl() {
  return new URL("bundle/", document.baseURI).href.replace(/[?#].*$/, "");
}

function applyLink() {
  const link = readLink(location.hash, state.settings);
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
    firstBackend,
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
  client.load();
}

function onMessage(/** @type {import("../runtime/contract.js").FromWorker} */ message) {
  if (message.type === "progress") update({ ...state, progress: message });
  else if (message.type === "token") update(states.takeToken(state, message));
  else if (message.type === "done") finish(message);
  else if (message.type === "ready") {
    update({ ...state, phase: "ready", ready: message, kept: message.storage === "stored", message: "readyIn" });
    if (message.storage !== "stored") notice(`storage_${message.storage}`, {}, "hint");
    if (!message.simd) notice("no_simd", {}, "hint");
    globalThis.dispatchEvent(new CustomEvent("model-ready", { detail: message }));
    if (client) graphics?.consider(client, message, idle);
  }
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
  if (message.cutTokens) {
    notice("prompt_cut", { n: /** @type {any} */ (state.ready).contextLength, unit: state.site.unit }, "hint");
  }
  globalThis.dispatchEvent(new CustomEvent("run-done", { detail: message }));
  if (message.finish === "stopped") queue = [];
  runNext();
}

/** The run that a backend took down with it ends where it is; its text can be continued on the next one. */
function abandonRun() {
  queue = [];
  if (!state.running) return;
  const { index } = state.running;
  const version = state.versions[index];
  // Without a snapshot of its last token, what was written by this run is handed on as part of the opening.
  const prompt = version.prompt + version.text;
  const changed = states.changeVersion(state, index, {
    prompt,
    text: "",
    snapshot: null,
    finish: "stopped",
    count: 0,
  });
  update({ ...changed, running: null, stopping: false, message: "" });
}

function onSwitch(/** @type {string} */ failed, /** @type {string} */ code, /** @type {string} */ next) {
  abandonRun();
  if (failed === GRAPHICS) graphics?.failed();
  update({ ...state, phase: "loading", ready: null, progress: { phase: "prepare", loaded: 0, total: 1 } });
  notice("switched", { from: failed, to: next, why: `why_${code}` }, "hint");
}

function onFail(/** @type {string} */ code, /** @type {string} */ detail) {
  abandonRun();
  update({ ...state, phase: "failed", ready: null });
  notice(code, { detail: detail.slice(0, 200) });
}

function write() {
  if (!states.abilities(state).canWrite) return;
  const seed = state.settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  update(states.newVersions(state, view.prompt, seed));
  queue = state.versions.map((_, index) => index);
  runNext();
}

function goOn(/** @type {number[]} */ indices) {
  if (!states.abilities(state).canContinue) return;
  update(states.remember(state));
  queue = indices.filter((index) => state.versions[index].finish !== "end_of_text");
  runNext();
}

function runNext() {
  const index = queue.shift();
  if (index === undefined || !client) return;
  const version = state.versions[index];
  const id = nextId++;
  const changed = states.changeVersion(state, index, { finish: "" });
  update({ ...changed, running: { index, id }, stopping: false, speed: 0, message: "" });
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
  queue = [];
  client?.post({ type: "stop" });
  update({ ...state, stopping: true });
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
  const name = text(state.language, "fileName");
  saveText(`${state.site.name.replace(/[\\/:*?"<>|]/g, "")} ${name} ${index + 1}.txt`, wholeText(index));
}

function useAsPrompt(/** @type {number} */ index) {
  view.prompt = wholeText(index);
  view.focusPrompt();
}

async function share() {
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
  const count = state.site.samples.length;
  update({ ...state, sample: (state.sample + step + count) % count });
}

function changeSetting(/** @type {string} */ name, /** @type {string} */ typed) {
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
    kept = localStorage.getItem(LANGUAGE_KEY);
  } catch {} // storage switched off
  return kept === "zh" || kept === "en" ? kept : chooseLanguage(navigator.languages);
}

function switchLanguage() {
  const language = state.language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(LANGUAGE_KEY, language);
  } catch {}
  update({ ...state, language });
}

function registerServiceWorker() {
  if (!navigator.serviceWorker) return; // no https: the page works, but not offline
  const first = !navigator.serviceWorker.controller;
  navigator.serviceWorker.register("service_worker.js", { updateViaCache: "none" }).catch(() => {});
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!first) notice("updated", {}, "hint");
  });
}

start();
