/** What the page tells about its model: the facts, and passages that it has written, by book. */

import { byId, create, setText, show } from "./dom.js";
import { megabytes, text } from "./strings.js";

const SHOWN_BOOKS = 20;

/** @typedef {import("./state.js").State} State */

export class AboutView {
  /** @param {import("./view.js").Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.shown = "";
    /** @type {State["ready"]} */
    this.shownReady = null;
    /** @type {import("./site.js").Sample | null} */
    this.shownSample = null;
    byId("sample-previous").addEventListener("click", () => handlers.turn(-1));
    byId("sample-next").addEventListener("click", () => handlers.turn(1));
    byId("sample-books").addEventListener("change", () => handlers.book(byId("sample-books").value));
    byId("samples").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.target === byId("sample-books")) return;
      if (event.key === "ArrowLeft") handlers.turn(-1);
      if (event.key === "ArrowRight") handlers.turn(1);
    });
  }

  /** @param {State} state */
  draw(state) {
    const { site, language, ready } = state;
    if (!site) return;
    if (this.shown !== language) {
      this.shown = language;
      document.title = site.name;
      setText(byId("name"), site.name);
      this.drawFacts(site, language);
      this.drawOpenings(site);
      this.drawBooks(site, language);
      this.shownReady = null;
    }
    if (this.shownReady !== ready) {
      this.shownReady = ready;
      setText(byId("technical-line"), technicalLine(state));
    }
    this.drawSample(state);
  }

  /** @private */
  drawFacts(/** @type {import("./site.js").Site} */ site, /** @type {import("./strings.js").Language} */ language) {
    const facts = [
      ["books", bookList(site.books, language)],
      ["runsOn", text(language, "runsOnDevice")],
      [
        "date",
        new Date(site.date).toLocaleDateString(language === "zh" ? "zh-CN" : "en", {
          dateStyle: "long",
          timeZone: "UTC",
        }),
      ],
      ["download", megabytes(site.bytes)],
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
  }

  /** @private */
  drawOpenings(/** @type {import("./site.js").Site} */ site) {
    if (byId("openings").childNodes.length) return;
    const openings = site.openings.map((opening) => {
      const button = create("button", { type: "button", class: "opening", dir: "auto" }, opening);
      button.addEventListener("click", () => this.handlers.opening(opening));
      return create("li", {}, button);
    });
    byId("openings").replaceChildren(...openings);
    show(byId("openings"), openings.length > 0);
    const language = /\p{Script=Han}/u.test(site.openings.join("")) ? "zh-Hans" : "";
    // In an English page a browser would otherwise pick Japanese shapes for Chinese characters.
    for (const id of ["name", "prompt", "openings", "versions", "sample-text", "sample-book", "shared-text"]) {
      byId(id).lang = language;
    }
  }

  /** @private */
  drawBooks(
    /** @type {import("./site.js").Site} */ { samples },
    /** @type {import("./strings.js").Language} */ language,
  ) {
    const books = [...new Set(samples.map(({ book }) => book))].filter(Boolean);
    const options = books.map((book) => create("option", { value: book }, titled(book, language)));
    byId("sample-books").replaceChildren(...options);
    show(byId("sample-choice"), books.length > 1);
  }

  /** @private */
  drawSample(/** @type {State} */ { site, sample, language, running }) {
    const samples = site?.samples ?? [];
    show(byId("samples"), samples.length > 0);
    if (!samples.length) return;
    const shown = samples[sample];
    byId("sample-continue").disabled = running !== null;
    setText(byId("sample-book"), shown.book ? titled(shown.book, language) : "");
    if (byId("sample-books").value !== shown.book) byId("sample-books").value = shown.book;
    setText(byId("sample-place"), text(language, "samplePlace", { n: sample + 1, all: samples.length }));
    if (this.shownSample === shown) return;
    this.shownSample = shown;
    byId("sample-text").replaceChildren(create("span", { class: "opening-text" }, shown.prompt), shown.text);
  }
}

/** @param {string} book @param {import("./strings.js").Language} language */
const titled = (book, language) => (language === "zh" ? `《${book}》` : book);

/** @param {string[]} books @param {import("./strings.js").Language} language */
function bookList(books, language) {
  const shown = books.slice(0, SHOWN_BOOKS).map((book) => titled(book, language));
  const more = books.length > SHOWN_BOOKS ? ` ${text(language, "andMore", { n: books.length })}` : "";
  if (language === "zh") return shown.join("") + more;
  return new Intl.ListFormat("en", { type: "unit", style: "short" }).format(shown) + more;
}

/** For those who want to know how it computes. @param {State} state */
function technicalLine({ site, ready, language }) {
  if (!site) return "";
  const number = new Intl.NumberFormat(language === "zh" ? "zh" : "en", {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  const parameters = number.format(site.parameters);
  const unit = text(language, site.unit);
  const size = text(language, "sizeValue", { layers: site.layers, context: site.context, parameters, unit });
  const loss = site.validation_loss?.toFixed(2);
  const measured = loss ? `${text(language, "loss")} ${text(language, "lossValue", { loss, unit })}` : "";
  const values = ready && {
    backend: backendName(ready),
    error: ready.maxError.toExponential(1),
    milliseconds: ready.millisecondsPerToken.toFixed(1),
    unit,
  };
  const run = values ? [text(language, "computes", values), ready.passedOver] : [];
  return [size, site.dtype, measured, ...run].filter(Boolean).join(" · ");
}

/** What computes, with the number of threads where there are several. */
function backendName(/** @type {import("../runtime/contract.js").ReadyMessage} */ { backend, simd, threads }) {
  if (backend === "wasm" && simd) return "wasm SIMD";
  return backend === "threads" ? `threads × ${threads}` : backend;
}
