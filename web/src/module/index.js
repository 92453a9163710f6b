/** The module gpt2.js: a model for any page, with nothing of ours on it. docs/module.md; types/gpt2.d.ts. */

import { fetchUpdate, findUpdate } from "../runtime/bundle/update.js";
import { startWorker } from "../runtime/home.js";
import { offered } from "../runtime/offered.js";
import { asTrouble } from "../runtime/trouble.js";
import { Connection } from "./connection.js";
import { GPT2Error } from "./errors.js";
import { checkedSettings, modelDefaults } from "./settings.js";
import { Writing } from "./writing.js";

/**
 * @typedef {import("./types/gpt2").GenerateOptions} GenerateOptions
 * @typedef {{signal?: AbortSignal}} Stoppable
 */

export { GPT2Error };

/** @type {typeof import("./types/gpt2").load} */
export async function load(url, { onProgress = () => {}, backend, threads, signal } = {}) {
  signal?.throwIfAborted();
  // Workers and their files lie beside this one, wherever the page is.
  const start = (/** @type {string} */ file) => startWorker(file, import.meta.url);
  const connection = new Connection(folder(url), backend ?? null, threads ?? null, onProgress, start);
  const abort = () => connection.close(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return new Model(connection, await connection.ready.promise);
  } catch (error) {
    connection.close(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Of the bundle, with a slash at its end and nothing after. */
function folder(/** @type {string | URL} */ url) {
  const address = new URL(url, document.baseURI);
  return `${address.origin}${address.pathname}`.replace(/\/?$/, "/");
}

class Model {
  /**
   * @param {Connection} connection
   * @param {import("../runtime/contract.js").ReadyMessage} ready
   */
  constructor(connection, ready) {
    /** @private */
    this.connection = connection;
    this.defaults = Object.freeze(modelDefaults(ready.generation));
    this.contextLength = ready.contextLength;
    this.storage = ready.storage;
    this.fromCache = ready.fromCache;
    /** SHA-256 of its bundle.json: says which model this is. */
    this.hash = ready.model;
  }

  get backend() {
    return this.connection.client.backend;
  }

  generate(/** @type {string} */ opening, /** @type {GenerateOptions} */ options = {}) {
    const { resume, signal } = options;
    const again = resume ? { seed: resume.seed, sample: resume.sample } : {};
    const settings = checkedSettings(this.defaults, { ...again, ...options });
    return new Writing(this.connection, checkText(opening), settings, resume, signal);
  }

  async candidates(/** @type {string} */ text, k = 10, /** @type {Stoppable} */ { signal } = {}) {
    if (!Number.isInteger(k) || k < 1) {
      throw new GPT2Error("setting", `k must be an integer from 1 on; received ${String(k)}`);
    }
    const answer = await this.ask({ type: "candidates", text: checkText(text), k }, signal);
    return answer.candidates;
  }

  async score(/** @type {string} */ text, /** @type {Stoppable} */ { signal } = {}) {
    const { ids, tokens, logProbabilities } = await this.ask({ type: "score", text: checkText(text) }, signal);
    const total = logProbabilities.reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0);
    return { ids, tokens, logProbabilities, perplexity: Math.exp(-total / ids.length) };
  }

  async tokenize(/** @type {string} */ text) {
    const { ids, tokens } = await this.ask({ type: "tokenize", text: checkText(text) });
    return { ids, tokens };
  }

  async findUpdate() {
    const { url } = this.connection.client;
    const environment = { fetch: globalThis.fetch.bind(globalThis), caches: offered("caches") };
    // Where nothing is kept, the newest version was loaded.
    const update = this.storage === "stored" ? await findUpdate(url, this.hash, environment) : null;
    if (!update) return null;
    const fetch = async (/** @type {(loaded: number, total: number) => void} */ onProgress = () => {}) => {
      try {
        return await fetchUpdate(url, update, environment, onProgress);
      } catch (error) {
        const { code, detail } = asTrouble(error);
        throw new GPT2Error(code, detail);
      }
    };
    return { bytes: update.bytes, fetch };
  }

  dispose() {
    this.connection.close(new GPT2Error("disposed"));
  }

  /** @private */
  async ask(/** @type {any} */ question, /** @type {AbortSignal | undefined} */ signal = undefined) {
    signal?.throwIfAborted();
    const answer = await this.connection.ask(question, signal);
    signal?.throwIfAborted();
    return answer;
  }
}

function checkText(/** @type {string} */ text) {
  if (typeof text !== "string") throw new GPT2Error("setting", `a text must be a string; received ${typeof text}`);
  return text;
}
