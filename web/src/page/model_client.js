/** The page's side of the worker: starts the best backend, falls back to the next, passes messages on. */

/**
 * @typedef {import("../runtime/contract.js").FromWorker} FromWorker
 * @typedef {import("../runtime/contract.js").ErrorMessage} ErrorMessage
 *
 * @typedef {object} Callbacks
 * @property {(message: FromWorker) => void} onMessage Everything but errors.
 * @property {(failed: string, code: string, next: string) => void} onSwitch The backend that failed first, why, and the
 *   one that is tried now.
 * @property {(code: string, detail: string) => void} onFail No backend is left, or none would help.
 */

export const BACKENDS = ["wasm", "webgpu", "webgl"];
// For these another way of computing may work; for the others it would meet the same files and the same network.
const ANOTHER_MAY_WORK = [
  "no_webassembly",
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
   */
  constructor(url, forced, callbacks, startWorker = (file) => new Worker(file)) {
    this.url = url;
    this.callbacks = callbacks;
    this.startWorker = startWorker;
    const first = BACKENDS.filter((name) => name === forced);
    this.order = [...first, ...BACKENDS.filter((name) => name !== forced)];
    /** @type {string[]} */
    this.left = [];
    this.backend = "";
    this.firstCode = "";
    this.firstDetail = "";
    this.firstBackend = "";
    /** @type {Worker | null} */
    this.worker = null;
  }

  /** Loads the model with the first backend that works. */
  load() {
    this.left = [...this.order];
    this.firstCode = "";
    this.next();
  }

  /** @param {import("../runtime/contract.js").ToWorker} message */
  post(message) {
    this.worker?.postMessage(message);
  }

  close() {
    this.worker?.terminate();
    this.worker = null;
  }

  /** @private */
  next() {
    this.close();
    this.backend = /** @type {string} */ (this.left.shift());
    let worker;
    try {
      worker = this.startWorker(`worker_${this.backend}.js`);
    } catch (error) {
      this.fail("worker_failed", String(error));
      return;
    }
    this.worker = worker;
    worker.onmessage = ({ data }) => {
      if (worker !== this.worker) return; // a late word of one that was closed
      if (data.type === "error") this.fail(data.code, data.detail);
      else this.callbacks.onMessage(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.worker) this.fail("worker_failed", event.message || `worker_${this.backend}.js`);
    };
    worker.postMessage({ type: "load", url: this.url, backend: this.backend });
  }

  /** @private */
  fail(/** @type {string} */ code, /** @type {string} */ detail) {
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
