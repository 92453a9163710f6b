/** Who asks the worker for copies: opens what it compares with, and looks texts up one at a time. */

import { scriptName } from "../../runtime/program_file.js";

/**
 * @typedef {import("../../runtime/worker_originality.js").Said} Said
 * @typedef {Extract<Said, {type: "runs"}>} Found
 * @typedef {"new" | "asking" | "offer" | "loading" | "ready" | "failed"} Phase
 */

const SCRIPT = "worker_originality.js";

export class Looker {
  /** @param {string} url @param {() => void} onChange */
  constructor(url, onChange) {
    this.url = url;
    this.onChange = onChange;
    /** @type {Phase} */
    this.phase = "new";
    this.progress = { loaded: 0, total: 0 };
    this.trouble = { code: "", detail: "" };
    /** @type {Worker | null} */
    this.worker = null;
    this.asked = 0;
    /** @type {Map<number, string>} */
    this.waiting = new Map();
    /** @type {Map<string, Found>} By text; the last few. */
    this.known = new Map();
  }

  /** @param {string} model @param {boolean} keptOnly Whether nothing may be downloaded for it. */
  open(model, keptOnly) {
    this.worker?.terminate();
    this.worker = new Worker(scriptName(SCRIPT));
    this.worker.onmessage = ({ data }) => this.take(data);
    this.worker.onerror = (event) =>
      this.take({ type: "error", code: "worker_failed", detail: event.message ?? "" });
    this.worker.postMessage({ type: "open", url: this.url, model, keptOnly });
    this.set(keptOnly ? "asking" : "loading");
  }

  /** What a text has copied; null until it is known, and then `onChange` is called. @param {string} text */
  look(text) {
    const known = this.known.get(text);
    if (known) return known;
    if (this.phase === "ready" && !Array.from(this.waiting.values()).includes(text)) {
      this.waiting.set(++this.asked, text);
      this.worker?.postMessage({ type: "look", id: this.asked, text });
    }
    return null;
  }

  /** @private */
  take(/** @type {Said} */ message) {
    if (message.type === "progress") this.progress = message;
    else if (message.type === "runs") this.keep(message);
    else if (message.type === "error") {
      this.trouble = message;
      this.phase = "failed";
    } else this.phase = message.type === "opened" ? "ready" : "offer";
    this.onChange();
  }

  /** @private */
  keep(/** @type {Found} */ found) {
    const text = this.waiting.get(found.id);
    this.waiting.delete(found.id);
    if (text === undefined) return;
    this.known.set(text, found);
    // Typing asks for a text a change.
    for (const old of this.known.keys()) if (this.known.size > KEPT_ANSWERS) this.known.delete(old);
  }

  /** @private */
  set(/** @type {Phase} */ phase) {
    this.phase = phase;
    this.progress = { loaded: 0, total: 0 };
    this.waiting.clear();
    this.onChange();
  }
}

const KEPT_ANSWERS = 20;
