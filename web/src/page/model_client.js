/** The page's side of the worker: starts the best backend, falls back to the next, passes messages on. */

import { scriptName } from "../runtime/program_file.js";
import { canShareMemory } from "../runtime/threads/shared_memory.js";
import { Trial } from "./trial.js";

/**
 * @typedef {import("../runtime/contract.js").FromWorker} FromWorker
 * @typedef {import("../runtime/contract.js").ReadyMessage} ReadyMessage
 *
 * @typedef {object} Callbacks
 * @property {(message: FromWorker) => void} onMessage Everything but errors.
 * @property {(failed: string, code: string, next: string) => void} onSwitch The backend that failed first, why, and the
 *   one that is tried now.
 * @property {(ready: ReadyMessage) => void} onHandOver Another backend writes from now on, because it is faster.
 * @property {(code: string, detail: string) => void} onFail No backend is left, or none would help.
 */

export const BACKENDS = ["threads", "kernels", "wasm", "webgpu", "webgl"];
// Threads share memory, which browsers allow only pages that are isolated from others: service_worker.js.
const usable = (/** @type {string} */ backend) => backend !== "threads" || canShareMemory();
// The kernels work in the memory of TensorFlow.js's wasm backend, and give way to its operations by themselves.
const WORKERS = /** @type {Record<string, string>} */ ({ kernels: "worker_wasm.js" });
const workerFile = (/** @type {string} */ backend) => WORKERS[backend] ?? `worker_${backend}.js`;
// For these another way of computing may work; for the others it would meet the same files and the same network.
const ANOTHER_MAY_WORK = [
  "no_webassembly",
  "wasm_forbidden",
  "program_missing",
  "not_offered",
  "backend_failed",
  "golden_mismatch",
  "device_lost",
  "worker_failed",
  "out_of_memory",
  "unknown",
];

export class ModelClient {
  /**
   * @param {string} url The bundle's folder.
   * @param {string | null} forced The backend to begin with.
   * @param {Callbacks} callbacks
   * @param {(file: string) => Worker} startWorker
   * @param {number | null} threads How many to compute with; null for the fastest number.
   */
  constructor(url, forced, callbacks, startWorker = (file) => new Worker(scriptName(file)), threads = null) {
    this.url = url;
    this.callbacks = callbacks;
    this.startWorker = startWorker;
    this.threads = threads;
    const backends = BACKENDS.filter((name) => usable(name) && !(name === "threads" && threads === 1));
    const first = backends.filter((name) => name === forced);
    this.order = [...first, ...backends.filter((name) => name !== forced)];
    /** @type {string[]} */
    this.left = [];
    this.backend = "";
    this.firstCode = "";
    this.firstDetail = "";
    this.firstBackend = "";
    /** @type {Worker | null} */
    this.worker = null;
    this.busy = false;
    /** Hash of the model in use: another backend opens the same one, also when a newer one is kept by then. */
    this.model = "";
    /** @type {Trial | null} */
    this.trial = null;
    /** @type {{worker: Worker, ready: ReadyMessage} | null} Waits for the end of what is being written. */
    this.successor = null;
  }

  /** Loads the model with the first backend that works. */
  load() {
    this.left = [...this.order];
    this.firstCode = "";
    this.next();
  }

  /** @param {import("../runtime/contract.js").ToWorker} message */
  post(message) {
    if (message.type === "generate") this.busy = true;
    this.worker?.postMessage(message);
  }

  close() {
    this.endWorker();
    this.trial?.close();
    this.trial = null;
    this.successor = null;
  }

  /**
   * Tries another backend beside the running one, and lets it take over when it is faster; never in the middle of a
   * text, so that none changes its course.
   *
   * @param {string} backend
   * @param {number} toBeat Milliseconds a token.
   * @returns {Promise<boolean>} Whether it was.
   */
  async challenge(backend, toBeat) {
    let worker;
    try {
      worker = this.startWorker(workerFile(backend));
    } catch {
      return false;
    }
    this.trial = new Trial(worker);
    const ready = await this.trial.run({ type: "load", url: this.url, backend, model: this.model }, toBeat);
    if (!ready) return false;
    this.successor = { worker, ready };
    this.listen(worker, backend);
    this.handOver();
    return true;
  }

  /** @private */
  endWorker() {
    this.worker?.terminate();
    this.worker = null;
    this.busy = false;
  }

  /** @private */
  next() {
    this.endWorker();
    this.backend = /** @type {string} */ (this.left.shift());
    try {
      this.worker = this.startWorker(workerFile(this.backend));
    } catch (error) {
      // What a host's header forbids this script, it forbids every other.
      this.left = [];
      const forbidden = /TrustedScriptURL|Content Security Policy|security policy/i.test(String(error));
      this.fail(forbidden ? "scripts_forbidden" : "worker_failed", String(error));
      return;
    }
    this.listen(this.worker, this.backend);
    const { url, backend, threads, model } = this;
    this.worker.postMessage({ type: "load", url, backend, threads, model });
  }

  /** @private */
  listen(/** @type {Worker} */ worker, /** @type {string} */ backend) {
    worker.onmessage = ({ data }) => this.receive(worker, data);
    worker.onerror = (event) => {
      event.preventDefault();
      const detail = event.message || workerFile(backend);
      this.receive(worker, { type: "error", id: null, code: "worker_failed", detail });
    };
  }

  /** @private */
  receive(/** @type {Worker} */ worker, /** @type {FromWorker} */ message) {
    if (worker === this.successor?.worker) {
      worker.terminate(); // all that it can say before its time is that it failed
      this.successor = null;
    }
    if (worker !== this.worker) return; // a late word of one that was closed
    if (message.type === "error") this.fail(message.code, message.detail);
    else {
      if (message.type === "done") this.busy = false;
      if (message.type === "ready") this.model = message.model;
      this.callbacks.onMessage(message);
    }
    this.handOver();
  }

  /** Lets the successor in, if there is one and nothing is being written. @private */
  handOver() {
    if (!this.successor || this.busy) return;
    const { worker, ready } = this.successor;
    this.successor = null;
    this.endWorker();
    this.worker = worker;
    this.backend = ready.backend;
    this.left = this.order.filter((name) => name !== ready.backend);
    this.firstCode = "";
    this.callbacks.onHandOver(ready);
  }

  /** @private */
  fail(/** @type {string} */ code, /** @type {string} */ detail) {
    if (code === "not_offered" && this.left.length) {
      this.next(); // a speed-up that this browser does not have: nothing has failed
      return;
    }
    if (!this.firstCode) [this.firstCode, this.firstDetail, this.firstBackend] = [code, detail, this.backend];
    if (ANOTHER_MAY_WORK.includes(code) && this.left.length) {
      this.callbacks.onSwitch(this.firstBackend, this.firstCode, this.left[0]);
      this.next();
      return;
    }
    this.close();
    // The first reason is the one that a person can do something about; the rest are substitutes that failed too.
    const another = ANOTHER_MAY_WORK.includes(code);
    this.callbacks.onFail(another ? this.firstCode : code, another ? this.firstDetail : detail);
  }
}
