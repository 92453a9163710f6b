/** One model's way to its worker: a queue of requests, each with one answer, over whichever backend runs. */

import { ModelClient } from "../page/model_client.js";
import { GPT2Error } from "./errors.js";

/**
 * @typedef {import("../runtime/contract.js").FromWorker} FromWorker
 * @typedef {import("../runtime/contract.js").ReadyMessage} ReadyMessage
 * @typedef {import("../runtime/contract.js").ToWorker} ToWorker
 * @typedef {{promise: Promise<ReadyMessage>, resolve: (ready: ReadyMessage) => void,
 *   reject: (reason: unknown) => void}} Deferred
 * @typedef {{id: number, onMessage: (message: FromWorker) => void, reject: (reason: any) => void}} Task
 */

export class Connection {
  /**
   * @param {string} url The bundle's folder, with a slash at its end.
   * @param {string | null} backend
   * @param {number | null} threads
   * @param {(progress: import("./types/gpt2").Progress) => void} onProgress
   * @param {(file: string) => Worker} startWorker
   */
  constructor(url, backend, threads, onProgress, startWorker) {
    /** @type {Deferred} */
    this.ready = withResolvers();
    this.loaded = false;
    /** What ended it. @type {unknown} */
    this.over = null;
    /** @type {Task | null} */
    this.task = null;
    this.lastId = 0;
    /** @type {Promise<unknown>} */
    this.before = Promise.resolve();
    this.onProgress = onProgress;
    const callbacks = {
      onMessage: (/** @type {FromWorker} */ message) => this.receive(message),
      onSwitch: (/** @type {string} */ _, /** @type {string} */ code) => this.lose(new GPT2Error(code, code)),
      onHandOver: () => {},
      onFail: (/** @type {string} */ code, /** @type {string} */ detail) => this.close(new GPT2Error(code, detail)),
    };
    this.client = new ModelClient(url, backend, callbacks, startWorker, threads);
    this.client.load();
  }

  /**
   * Sends a request when those before it are done.
   *
   * @param {any} message Without its id.
   * @param {AbortSignal | undefined} signal Asks the worker to stop.
   * @param {(message: FromWorker) => void} [onMessage] Gets what comes before the answer.
   * @returns {Promise<any>} The answer; also after a stop.
   */
  ask(message, signal, onMessage = () => {}) {
    const turn = this.before.then(() => this.run(message, signal, onMessage));
    this.before = turn.catch(() => {});
    return turn;
  }

  /** Ends the workers; whatever is under way or comes later fails with the reason. */
  close(/** @type {unknown} */ reason) {
    if (this.over) return;
    this.over = reason;
    this.client.close();
    this.ready.reject(reason);
    this.task?.reject(reason);
  }

  /** @private */
  async run(
    /** @type {any} */ message,
    /** @type {AbortSignal | undefined} */ signal,
    /** @type {any} */ onMessage,
  ) {
    if (this.over) throw this.over;
    await this.ready.promise;
    signal?.throwIfAborted();
    const stop = () => this.client.post({ type: "stop" });
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        const id = ++this.lastId;
        const take = (/** @type {FromWorker} */ answer) => (answer.type === "token" ? onMessage : resolve)(answer);
        this.task = { id, onMessage: take, reject };
        this.client.post({ ...message, id });
      });
    } finally {
      this.task = null;
      signal?.removeEventListener("abort", stop);
    }
  }

  /** @private */
  receive(/** @type {FromWorker} */ message) {
    if (message.type === "progress") {
      const { phase, loaded, total } = message;
      this.onProgress({ phase, loaded, total });
    } else if (message.type === "ready") {
      this.loaded = true;
      this.ready.resolve(message);
    } else if (message.id === this.task?.id) this.task?.onMessage(message);
  }

  /** Another backend takes over: what was under way is lost, what waits waits for it. @private */
  lose(/** @type {GPT2Error} */ error) {
    this.task?.reject(error);
    if (this.loaded) this.ready = withResolvers();
    this.loaded = false;
  }
}

/** Promise.withResolvers, which is younger than the browsers that the page works in. @returns {Deferred} */
function withResolvers() {
  /** @type {any} */
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  result.promise.catch(() => {}); // whoever waits for it hears of it
  return result;
}
