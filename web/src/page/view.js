/** Puts the state on the page. Handlers come from outside; nothing is decided here. */

import { abilities } from "./abilities.js";
import { AboutView } from "./about_view.js";
import { ComparedView } from "./compared_view.js";
import { byId, create, setText, show } from "./dom.js";
import { FocusKeeper } from "./focus.js";
import { Follower } from "./follower.js";
import { openingOf } from "./manuscript/tree.js";
import { ManuscriptsView } from "./manuscripts_view.js";
import { SettingsView } from "./settings_view.js";
import { SharedView } from "./shared_view.js";
import { megabytes, text } from "./strings.js";
import { VersionsView } from "./versions_view.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {Record<string, (...values: any[]) => void>} Handlers
 */

const CLICKS = [
  ...["load", "write", "stop", "continue", "undo", "redo", "share", "language", "defaults"],
  ...["new-manuscript", "shared-take", "shared-dismiss", "sample-continue"],
];

export class View {
  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.language = "";
    /** @type {State["site"] | undefined} */
    this.translatedFor = undefined;
    /** @type {State | null} */
    this.state = null;
    this.scheduled = false;
    /** What was drawn last, so that nothing is drawn again without need. @type {State["notices"] | null} */
    this.shownNotices = null;
    this.focus = new FocusKeeper();
    this.versions = new VersionsView(byId("versions"), byId("spoken"), handlers);
    this.about = new AboutView(handlers);
    this.compared = new ComparedView();
    this.settings = new SettingsView(handlers);
    this.shared = new SharedView();
    this.manuscripts = new ManuscriptsView(handlers);
    this.follower = new Follower();
    for (const name of CLICKS) byId(name).addEventListener("click", () => handlers[name]());
    // They scroll when they are long, and a keyboard must be able to.
    for (const name of ["sample-text", "shared-text"]) byId(name).tabIndex = 0;
    byId("prompt").addEventListener("input", () => handlers.draft(byId("prompt").value));
    document.addEventListener("keydown", (event) => {
      // Enter that ends a composition chooses characters.
      const composing = event.isComposing || event.keyCode === 229;
      if (composing || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      const { target } = event;
      if (target === byId("prompt")) handlers.write();
      else if (target instanceof Element && target.matches("textarea.editor")) handlers.continue();
    });
  }

  focusPrompt() {
    byId("prompt").focus();
  }

  /** Draws before the next frame, once for all changes until then. @param {State} state */
  render(state) {
    this.state = state;
    if (this.scheduled) return;
    this.scheduled = true;
    // A hidden tab gets no frames; there the text must go on all the same.
    const later = document.hidden
      ? (/** @type {() => void} */ draw) => setTimeout(draw, 100)
      : requestAnimationFrame;
    later(() => {
      this.scheduled = false;
      this.draw(/** @type {State} */ (this.state));
    });
  }

  /** @private */
  draw(/** @type {State} */ state) {
    if (state.language !== this.language || state.site !== this.translatedFor) this.translate(state);
    this.drawNotices(state);
    this.about.draw(state);
    this.compared.draw(state);
    this.shared.draw(state);
    this.drawModel(state);
    this.drawButtons(state);
    this.drawPrompt(state);
    this.settings.draw(state);
    this.versions.draw(state);
    this.manuscripts.draw(state);
    this.focus.handOn();
    this.follower.follow(state.running ? this.versions.growing(state) : null);
  }

  /** @private */
  translate(/** @type {State} */ { language, site }) {
    this.language = language;
    this.translatedFor = site;
    const values = { unit: text(language, site?.unit ?? "token"), size: megabytes(site?.originality?.bytes ?? 0) };
    document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = text(language, /** @type {any} */ (element.getAttribute("data-text")), values);
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      const label = text(language, /** @type {any} */ (element.getAttribute("data-label")));
      element.setAttribute("aria-label", label);
    }
    byId("language").textContent = text(language, "languageButton");
    byId("language").lang = language === "zh" ? "en" : "zh-Hans";
    byId("prompt").placeholder = text(language, "promptPlaceholder");
    byId("setting-seed").placeholder = text(language, "seedRandom");
    this.shownNotices = null;
  }

  /** @private */
  drawNotices(/** @type {State} */ state) {
    if (this.shownNotices === state.notices) return;
    this.shownNotices = state.notices;
    const items = state.notices.map((notice) => {
      const values = Object.fromEntries(
        Object.entries(notice.values).map(([name, value]) => [name, this.word(state, name, value)]),
      );
      const sentence = text(state.language, /** @type {any} */ (notice.code), values);
      const close = create("button", { type: "button", class: "quiet" }, text(state.language, "dismiss"));
      close.addEventListener("click", () => this.handlers.dismiss(notice.code));
      const item = create("div", { class: `notice ${notice.kind}` }, create("p", {}, sentence));
      if (notice.code === "model_offered") {
        const get = create("button", { type: "button" }, text(state.language, "model_update"));
        get.addEventListener("click", () => this.handlers.update());
        item.append(get);
      }
      item.append(close);
      item.dataset.code = notice.code;
      return item;
    });
    byId("notices").replaceChildren(...items);
  }

  /** Values of a notice that are words of the page's language themselves. @private */
  word(/** @type {State} */ { language }, /** @type {string} */ name, /** @type {string | number} */ value) {
    return name === "why" || name === "unit" ? text(language, /** @type {any} */ (value)) : value;
  }

  /** @private */
  drawModel(/** @type {State} */ state) {
    const { language, phase, progress, site, kept } = state;
    const size = site ? megabytes(site.bytes) : "";
    const label = phase === "failed" ? "retry" : kept ? "loadKept" : "load";
    setText(byId("load"), text(language, label, { size }));
    const bytes = site ? site.bytes.toLocaleString("en") : "";
    const note = kept ? text(language, "loadKeptNote") : text(language, "loadNote", { bytes });
    setText(byId("load-note"), phase === "idle" && site ? note : "");
    show(byId("progress"), phase === "loading");
    if (phase !== "loading") return;
    const bar = byId("progress-bar");
    const inBytes = progress.phase === "download" || progress.phase === "cache";
    if (inBytes && progress.total) {
      bar.max = progress.total;
      bar.value = progress.loaded;
    } else bar.removeAttribute("value");
    const key = {
      download: "progressDownload",
      cache: "progressCache",
      prepare: "progressPrepare",
      check: "progressCheck",
    }[progress.phase];
    const values = { loaded: megabytes(progress.loaded), total: megabytes(progress.total) };
    setText(byId("progress-text"), text(language, /** @type {any} */ (key), values));
  }

  /** @private */
  drawPrompt(/** @type {State} */ { manuscript, running }) {
    const { draft, tips } = manuscript;
    const prompt = byId("prompt");
    if (prompt.value !== draft.replace(/\r\n?/g, "\n")) prompt.value = draft;
    const changed = tips.length > 0 && !running && openingOf(manuscript, tips[0]) !== draft;
    show(byId("prompt-note"), changed);
  }

  /** @private */
  drawButtons(/** @type {State} */ state) {
    const able = abilities(state);
    show(byId("load"), able.canLoad || !state.site);
    byId("load").disabled = byId("write").disabled = !state.site;
    show(byId("write"), !able.canStop && state.running === null);
    show(byId("stop"), able.canStop || state.running !== null);
    byId("stop").disabled = !able.canStop;
    show(byId("continue"), able.canContinue);
    for (const [name, can] of /** @type {const} */ ([
      ["undo", able.canUndo],
      ["redo", able.canRedo],
      ["share", able.canShare],
    ])) {
      byId(name).disabled = !can;
    }
    setText(byId("status"), state.phase === "loading" ? "" : this.status(state));
    const { said, language } = state;
    const sentence =
      said.message && said.place < 0 ? text(language, /** @type {any} */ (said.message), said.values) : "";
    setText(byId("said"), sentence);
    document.body.dataset.phase = state.started ? state.phase : "starting";
    // Room for the text is made at the press, so that nothing has to give way while it grows.
    document.body.dataset.sheet = String(state.manuscript.tips.length > 0 || state.wanted !== "");
    document.body.dataset.backend = state.ready?.backend ?? "";
    document.body.dataset.busy = String(state.running !== null || state.queue.length > 0 || state.replay !== null);
  }

  /** @private */
  status(
    /** @type {State} */ { language, phase, running, stopping, message, manuscript, speed, site, ready, kept },
  ) {
    const unit = site ? text(language, site.unit) : "";
    if (phase === "failed") return "";
    if (phase === "idle") {
      if (!site) return "";
      return text(language, kept ? "firstPressKept" : "firstPress", { size: megabytes(site.bytes) });
    }
    if (running) {
      const n = Math.max(0, manuscript.tips.indexOf(running.place)) + 1;
      const sentence = stopping ? text(language, "stopping") : text(language, "writing", { n });
      const rate = text(language, "speed", { speed: speed < 10 ? speed.toFixed(1) : Math.round(speed), unit });
      return speed ? `${sentence} ${rate}` : sentence;
    }
    const n = manuscript.tips.reduce((sum, tip) => sum + manuscript.passages[tip].length, 0);
    const seconds = ready?.seconds.toFixed(1) ?? "";
    return text(language, /** @type {any} */ (message || "ready"), { n, unit, seconds });
  }
}
