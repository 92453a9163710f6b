/** A second worker beside the one that writes, to see whether its way of computing is faster. */

/**
 * @typedef {import("../runtime/contract.js").ReadyMessage} ReadyMessage
 * @typedef {import("../runtime/contract.js").FromWorker} FromWorker
 */

// A graphics card that has not answered by then would be no gain.
const LIMIT_MILLISECONDS = 60_000;

export class Trial {
  /** @param {Worker} worker A new one. */
  constructor(worker) {
    this.worker = worker;
    /** @type {(ready: ReadyMessage | null) => void} */
    this.end = () => {};
  }

  /**
   * @param {import("../runtime/contract.js").LoadMessage} load
   * @param {number} toBeat Milliseconds a token.
   * @returns {Promise<ReadyMessage | null>} What the worker says when it is ready, self-check included, and needs fewer
   *   milliseconds; then it goes on running. Else null, and the worker has ended.
   */
  run(load, toBeat) {
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.end(null), LIMIT_MILLISECONDS);
      this.end = (ready) => {
        clearTimeout(limit);
        if (!ready) this.worker.terminate();
        resolve(ready);
      };
      this.worker.onmessage = (/** @type {MessageEvent<FromWorker>} */ { data }) => {
        if (data.type === "error") this.end(null);
        else if (data.type === "ready") this.end(data.millisecondsPerToken < toBeat ? data : null);
      };
      this.worker.onerror = (event) => {
        event.preventDefault();
        this.end(null);
      };
      this.worker.postMessage(load);
    });
  }

  /** Ends the worker, and the trial as lost. */
  close() {
    this.worker.terminate();
    this.end(null);
  }
}
