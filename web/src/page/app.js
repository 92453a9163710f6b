/** The page: ties state, view, model, keeping and address together. */

import { isKept } from "../runtime/bundle/bundle.js";
import { sha256 } from "../runtime/bundle/sha256.js";
import { offered } from "../runtime/offered.js";
import { originalityBeside } from "../runtime/originality/folder.js";
import { scriptName } from "../runtime/program_file.js";
import { abilities } from "./abilities.js";
import { Copies } from "./copies.js";
import { Desk } from "./desk.js";
import { copyText, saveText } from "./dom.js";
import "./embed.js";
import { GraphicsChoice } from "./graphics_choice.js";
import { Inside } from "./inside.js";
import { fileName, Keeping } from "./keeping.js";
import { chooseLanguage } from "./language.js";
import { LivePage } from "./live_page.js";
import { wholeText } from "./manuscript/tree.js";
import { openStore } from "./manuscript_store.js";
import { OpeningGuard } from "./opening_guard.js";
import { defaultSettings, parseField, readThreads } from "./settings.js";
import { Sharing } from "./sharing.js";
import { readSite } from "./site_file.js";
import * as states from "./state.js";
import { text } from "./strings.js";
import { View } from "./view.js";

const LANGUAGE_KEY = "tf_gpt2 language";

const page = new LivePage(states.initialState(preferredLanguage()));
const guard = new OpeningGuard(bundleUrl(), offered("localStorage"));
globalThis.addEventListener("pagehide", () => guard.end(false));
const desk = new Desk(page, bundleUrl(), guard);
const keeping = new Keeping(page);
const sharing = new Sharing(page, keeping, modelHash, () => {
  desk.load();
  desk.begin();
});
desk.sharing = sharing;

const inside = new Inside(page, desk, (settings) => {
  if (page.state.settings) page.update({ ...page.state, settings: { ...page.state.settings, ...settings } });
});

const copies = new Copies(page, originalityBeside(bundleUrl()));

const columns = () => [...page.state.manuscript.tips.keys()];
const placeOf = (/** @type {number} */ column) => page.state.manuscript.tips[column];
const wholeOf = (/** @type {number} */ column) => wholeText(page.state.manuscript, placeOf(column));
const canChange = () => abilities(page.state).canChange;

/** @type {import("./view.js").Handlers} */
const handlers = {
  load: () => desk.load(),
  write: () => desk.want("write", []),
  continue: () => desk.want("continue", columns()),
  continueOne: (column) => desk.want("continue", [column]),
  continueAt(column, caret) {
    if (canChange()) page.update(states.editVersion(page.state, column, wholeOf(column).slice(0, caret)));
    desk.want("continue", [column]);
  },
  branch: (column) => desk.branch(column),
  inspect: (column, caret) => inside.open(column, caret),
  caret(column, caret) {
    inside.look(column, caret);
    copies.look(column, caret);
  },
  stop: () => desk.stop(),
  undo: () => canChange() && page.update(states.undo(page.state)),
  redo: () => canChange() && page.update(states.redo(page.state)),
  choose: (tips) => canChange() && page.update(states.choose(page.state, tips)),
  only: (column) => canChange() && page.update(states.choose(page.state, [placeOf(column)])),
  edit: (column, whole, amend) => canChange() && page.update(states.editVersion(page.state, column, whole, amend)),
  draft,
  share: () => sharing.share(columns(), -1),
  shareOne: (column) => sharing.share([column], placeOf(column)),
  "shared-take": () => sharing.take(),
  "shared-dismiss": () => sharing.dismiss(),
  async copy(column) {
    page.say(placeOf(column), (await copyText(wholeOf(column))) ? "copied" : "copyFailed");
  },
  save(column) {
    const { site, language } = page.state;
    saveText(`${fileName(`${site?.name ?? ""} ${text(language, "fileName")} ${column + 1}`)}.txt`, wholeOf(column));
  },
  useAsPrompt(column) {
    draft(wholeOf(column));
    view.focusPrompt();
  },
  opening(opening) {
    draft(opening);
    view.focusPrompt();
  },
  "sample-continue"() {
    const sample = page.state.site?.samples[page.state.sample];
    if (!sample || !canChange()) return;
    draft(sample.prompt + sample.text);
    desk.want("write", []);
  },
  turn,
  book: (title) =>
    turn((page.state.site?.samples.findIndex(({ book }) => book === title) ?? 0) - page.state.sample),
  setting: changeSetting,
  finishSentence(finishSentence) {
    const { settings } = page.state;
    if (settings) page.update({ ...page.state, settings: { ...settings, finishSentence } });
  },
  defaults: () =>
    page.state.site &&
    page.update({ ...page.state, settings: defaultSettings(page.state.site.generation), corrected: "" }),
  update: () => desk.fetchUpdate?.(),
  dismiss: (code) => page.update(states.dropNotice(page.state, code)),
  language: switchLanguage,
  "new-manuscript": () => then(keeping.begin()),
  open: (id) => then(keeping.open(id)),
  rename: (id, name) => then(keeping.rename(id, name)),
  remove: (id) => then(keeping.remove(id)),
  list: () => then(Promise.resolve()),
  exportAs: (id, kind, fallback) => keeping.exportAs(id, kind, fallback),
};

// A press may come before the frame that shows that its text is gone.
for (const name of ["continueOne", "continueAt", "branch", "only", "shareOne", "copy", "save", "useAsPrompt"]) {
  const handle = handlers[name];
  handlers[name] = (column, ...rest) => column in page.state.manuscript.tips && handle(column, ...rest);
}

const view = new View(handlers);
page.listeners.push(
  (state) => view.render(state),
  (state) => inside.follow(state),
  (state) => copies.follow(state),
  () => keeping.changed(),
);

/** The list again, once something about it has changed. */
async function then(/** @type {Promise<void>} */ change) {
  await change.catch(() => keeping.cannot("keep_failed"));
  view.manuscripts.list(await keeping.list());
}

/** Everything that the first sight of the page needs comes before it is shown, so that nothing moves. */
async function begin() {
  await start();
  page.update({ ...page.state, started: true });
  addEventListener("hashchange", () => sharing.open());
  if (page.state.kept && guard.mayOpen()) desk.load();
  else if (page.state.kept) page.notice("opening_crashed", {}, "hint");
}

async function start() {
  if (location.protocol === "file:") {
    page.notice("file_protocol");
    return;
  }
  if (globalThis.origin === "null") {
    page.notice("sandboxed");
    return;
  }
  registerServiceWorker();
  const [site, store] = await Promise.all([
    readSite((code, detail) => page.notice(code, { detail })),
    openStore(databaseName(), offered("indexedDB"), offered("locks", navigator)),
  ]);
  if (!site) return;
  await keeping.start(store);
  const kept = await isKept(bundleUrl(), offered("caches"));
  page.update({ ...states.takeSite(page.state, site), kept });
  await sharing.open();
  const address = new URLSearchParams(location.search);
  const forced = address.get("backend");
  const model = `${bundleUrl()} ${site.bytes}`;
  if (!forced && readThreads(address) === null)
    desk.graphics = new GraphicsChoice(model, navigator.gpu, () => offered("localStorage"));
  const firstBackend = forced ?? (await desk.graphics?.remembered()) ?? null;
  page.update({ ...page.state, firstBackend });
}

/** Of the model that would be opened, for a link to be compared with; empty when it cannot be known yet. */
async function modelHash() {
  const url = `${bundleUrl()}bundle.json`;
  try {
    const kept = await offered("caches")
      ?.match(url)
      .catch(() => undefined);
    const response = kept ?? (await fetch(url, { cache: "no-cache" }));
    return response.ok ? await sha256(new Uint8Array(await response.arrayBuffer())) : "";
  } catch {
    return "";
  }
}

function bundleUrl() {
  return new URL("bundle/", document.baseURI).href.replace(/[?#].*$/, "");
}

/** One for each site: hosts keep several under one origin. */
function databaseName() {
  return `tf_gpt2 ${new URL(".", document.baseURI).pathname}`;
}

/** What is typed as an opening, or taken as one. @param {string} typed */
function draft(typed) {
  page.update({ ...page.state, manuscript: { ...page.state.manuscript, draft: typed } });
}

function turn(/** @type {number} */ step) {
  const count = page.state.site?.samples.length ?? 0;
  if (count) page.update({ ...page.state, sample: (page.state.sample + step + count) % count });
}

function changeSetting(/** @type {string} */ name, /** @type {string} */ typed) {
  const { settings } = page.state;
  if (!settings) return;
  const value = parseField(name, typed);
  const right = value !== undefined && (typed.trim() === "" ? value === null : value === Number(typed));
  // A new object also when nothing changed, so that the field shows the value that counts.
  const changed = value === undefined ? { ...settings } : { ...settings, [name]: value };
  page.update({ ...page.state, settings: changed, corrected: right ? "" : name });
}

function preferredLanguage() {
  let kept = null;
  try {
    kept = offered("localStorage")?.getItem(LANGUAGE_KEY);
  } catch {} // storage switched off
  return kept === "zh" || kept === "en" ? kept : chooseLanguage(navigator.languages);
}

function switchLanguage() {
  const language = page.state.language === "zh" ? "en" : "zh";
  try {
    offered("localStorage")?.setItem(LANGUAGE_KEY, language);
  } catch {}
  page.update({ ...page.state, language });
}

function registerServiceWorker() {
  /** @type {ServiceWorkerContainer | undefined} */
  const container = offered("serviceWorker", navigator);
  if (!container) return; // no https, or storage refused: the page works, but not offline
  try {
    container.addEventListener("message", ({ data }) => {
      if (data === "updated") page.notice("updated", {}, "hint");
    });
    container.register(scriptName("service_worker.js"), { updateViaCache: "none" }).catch(() => {});
  } catch {} // a header of the host forbids it
}

begin();
