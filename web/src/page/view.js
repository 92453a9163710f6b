/** Puts the state on the page. Handlers come from outside; nothing is decided here. */

import { byId, create, setText, show } from "./dom.js";
import { FocusKeeper } from "./focus.js";
import { FIELDS } from "./settings.js";
import { abilities } from "./state.js";
import { megabytes, text } from "./strings.js";
import { VersionsView } from "./versions_view.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {Record<string, (...values: any[]) => void>} Handlers
 */

export class View {
  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.language = "";
    /** @type {State | null} */
    this.state = null;
    this.scheduled = false;
    // What was drawn last, so that nothing is drawn again without need.
    /** @type {import("./state.js").Notice[] | null} */
    this.shownNotices = null;
    /** @type {State["ready"] | undefined} */
    this.shownReady = undefined;
    /** @type {State["settings"] | undefined} */
    this.shownSettings = undefined;
    /** @type {import("./site.js").Sample | null} */
    this.shownSample = null;
    this.focus = new FocusKeeper();
    this.versions = new VersionsView(byId("versions"), byId("spoken"), handlers);
    for (const name of ["load", "write", "stop", "continue", "undo", "share", "language", "defaults"]) {
      byId(name).addEventListener("click", () => handlers[name]());
    }
    byId("sample-previous").addEventListener("click", () => handlers.turn(-1));
    byId("sample-next").addEventListener("click", () => handlers.turn(1));
    byId("samples").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "ArrowLeft") handlers.turn(-1);
      if (event.key === "ArrowRight") handlers.turn(1);
    });
    byId("prompt").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) handlers.write();
    });
    this.buildFields();
  }

  get prompt() {
    return byId("prompt").value;
  }

  set prompt(value) {
    byId("prompt").value = value;
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
    if (state.language !== this.language) this.translate(state);
    this.drawNotices(state);
    this.drawSite(state);
    this.drawSample(state);
    this.drawModel(state);
    this.drawButtons(state);
    this.drawSettings(state);
    this.versions.draw(state);
    this.focus.handOn();
  }

  /** @private */
  translate(/** @type {State} */ { language }) {
    this.language = language;
    document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = text(language, /** @type {any} */ (element.getAttribute("data-text")));
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      const label = text(language, /** @type {any} */ (element.getAttribute("data-label")));
      element.setAttribute("aria-label", label);
    }
    byId("language").textContent = text(language, "languageButton");
    byId("language").lang = language === "zh" ? "en" : "zh-Hans";
    byId("prompt").placeholder = text(language, "promptPlaceholder");
    byId("setting-seed").placeholder = text(language, "seedRandom");
    byId("facts").replaceChildren();
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
  drawSite(/** @type {State} */ state) {
    const { site, language, ready } = state;
    if (!site || (byId("facts").childNodes.length && this.shownReady === ready)) return;
    this.shownReady = ready;
    document.title = site.name;
    setText(byId("name"), site.name);
    const list = new Intl.ListFormat(language === "zh" ? "zh" : "en", {
      type: "unit",
      style: language === "zh" ? "narrow" : "short",
    });
    const shownBooks = site.books.slice(0, 20).map((title) => (language === "zh" ? `《${title}》` : title));
    const more = site.books.length > 20 ? ` ${text(language, "andMore", { n: site.books.length })}` : "";
    const number = new Intl.NumberFormat(language === "zh" ? "zh" : "en", {
      notation: "compact",
      maximumSignificantDigits: 3,
    });
    const { layers, context } = site;
    const facts = [
      [
        "books",
        site.books.length ? (language === "zh" ? shownBooks.join("") : list.format(shownBooks)) + more : null,
      ],
      ["size", text(language, "sizeValue", { layers, context, parameters: number.format(site.parameters) })],
      ["loss", site.validation_loss && text(language, "lossValue", { loss: site.validation_loss.toFixed(2) })],
      [
        "date",
        site.date &&
          new Date(site.date).toLocaleDateString(language === "zh" ? "zh-CN" : "en", {
            dateStyle: "long",
            timeZone: "UTC",
          }),
      ],
      ["download", `${megabytes(site.bytes)} · ${site.dtype}`],
      [
        "runsOn",
        ready &&
          text(language, "runsOnValue", {
            backend: backendName(ready),
            error: ready.maxError.toExponential(1),
            milliseconds: ready.millisecondsPerToken.toFixed(1),
          }) + (ready.passedOver && ` · ${ready.passedOver}`),
      ],
    ].filter(([, value]) => value);
    const rows = facts.map(([key, value]) =>
      create(
        "div",
        {},
        create("dt", {}, text(language, /** @type {any} */ (key))),
        create("dd", {}, String(value)),
      ),
    );
    byId("facts").replaceChildren(...rows);
    show(byId("card"), true);
    const openings = site.openings.map((opening) => {
      const button = create("button", { type: "button", class: "opening" }, opening);
      button.addEventListener("click", () => this.handlers.opening(opening));
      return create("li", {}, button);
    });
    this.contentLanguage = /\p{Script=Han}/u.test(site.openings.join("")) ? "zh-Hans" : "";
    // In an English page a browser would otherwise pick Japanese shapes for Chinese characters.
    for (const id of ["name", "prompt", "openings", "versions", "sample-text", "sample-book"]) {
      byId(id).lang = this.contentLanguage;
    }
    if (!byId("openings").childNodes.length) byId("openings").replaceChildren(...openings);
  }

  /** @private */
  drawSample(/** @type {State} */ { site, sample, language }) {
    const samples = site?.samples ?? [];
    show(byId("samples"), samples.length > 0);
    if (!samples.length) return;
    const shown = samples[sample];
    setText(byId("sample-book"), shown.book ? (language === "zh" ? `《${shown.book}》` : shown.book) : "");
    setText(byId("sample-place"), text(language, "samplePlace", { n: sample + 1, all: samples.length }));
    if (this.shownSample === shown) return;
    this.shownSample = shown;
    byId("sample-text").replaceChildren(create("span", { class: "opening-text" }, shown.prompt), shown.text);
  }

  /** @private */
  drawModel(/** @type {State} */ state) {
    const { language, phase, progress, site, kept } = state;
    const retry = phase === "failed";
    const size = site ? megabytes(site.bytes) : "";
    setText(byId("load"), retry ? text(language, "retry") : text(language, kept ? "loadKept" : "load", { size }));
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
  drawButtons(/** @type {State} */ state) {
    const able = abilities(state);
    const ready = state.phase === "ready";
    show(byId("load"), able.canLoad);
    byId("load").disabled = !state.site;
    show(byId("write"), ready && !state.running);
    show(byId("stop"), state.running !== null);
    byId("stop").disabled = !able.canStop;
    show(byId("continue"), able.canContinue);
    show(byId("undo"), able.canUndo);
    setText(byId("status"), this.status(state));
    document.body.dataset.phase = state.phase;
    document.body.dataset.backend = state.ready?.backend ?? "";
    document.body.dataset.busy = String(state.running !== null);
  }

  /** @private */
  status(/** @type {State} */ { language, phase, running, stopping, message, versions, speed, site, ready }) {
    if (phase !== "ready" && !message) return "";
    const unit = site ? text(language, site.unit) : "";
    if (running) {
      const sentence = stopping ? text(language, "stopping") : text(language, "writing", { n: running.index + 1 });
      const rate = text(language, "speed", { speed: speed < 10 ? speed.toFixed(1) : Math.round(speed), unit });
      return speed ? `${sentence} ${rate}` : sentence;
    }
    const values = { n: versions.reduce((sum, version) => sum + version.count, 0), unit };
    const seconds = ready?.seconds.toFixed(1) ?? "";
    return text(language, /** @type {any} */ (message || "ready"), { ...values, seconds });
  }

  /** @private */
  buildFields() {
    const rows = FIELDS.map(({ name, min, max, step }) => {
      const id = `setting-${name}`;
      const input = create("input", {
        id,
        name,
        type: "number",
        min,
        max,
        step: step === 1 ? 1 : "any",
        inputMode: "decimal",
      });
      input.setAttribute("aria-describedby", `${id}-help`);
      input.addEventListener("change", () => this.handlers.setting(name, input.value));
      const label = create("label", { htmlFor: id });
      label.dataset.text = name;
      const help = create("p", { id: `${id}-help`, class: "note" });
      help.dataset.text = `${name}Help`;
      return create("div", { class: "field" }, label, input, help);
    });
    byId("fields").replaceChildren(...rows);
  }

  /** @private */
  drawSettings(/** @type {State} */ { settings }) {
    if (this.shownSettings === settings) return;
    this.shownSettings = settings;
    byId("share").disabled = byId("defaults").disabled = !settings;
    for (const { name } of FIELDS) {
      const input = byId(`setting-${name}`);
      input.disabled = !settings;
      // A field that is being typed in is not the state's yet: drawing an earlier change must not undo it.
      if (input !== document.activeElement) input.value = String(settings?.[name] ?? "");
    }
  }
}

/** What computes, with the number of threads where there are several. */
function backendName(/** @type {import("../runtime/contract.js").ReadyMessage} */ { backend, simd, threads }) {
  if (backend === "wasm" && simd) return "wasm SIMD";
  return backend === "threads" ? `threads × ${threads}` : backend;
}
