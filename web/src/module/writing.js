/** A text on its way: its pieces as they come, and what it is in the end. */

/**
 * @typedef {import("./types/gpt2").Result} Result
 * @typedef {import("./connection.js").Connection} Connection
 */

const NOTHING = { text: "", cutTokens: 0, snapshot: { window: [], newIds: [] } };

/** @implements {AsyncIterable<string>} */
export class Writing {
  /**
   * @param {Connection} connection
   * @param {string} opening
   * @param {Required<import("./types/gpt2").Settings>} settings
   * @param {Result | undefined} resume
   * @param {AbortSignal | undefined} signal
   */
  constructor(connection, opening, settings, resume, signal) {
    const { sample, ...rest } = settings;
    this.seed = settings.seed;
    this.sample = sample;
    /** @private */
    this.connection = connection;
    /** @private */
    this.start = resume ?? NOTHING;
    const snapshot = this.start.snapshot.window.length ? this.start.snapshot : null;
    /** @private */
    this.request = { type: "generate", prompt: opening, resume: snapshot, sample, settings: rest };
    /** @private */
    this.signal = signal;
    /** @private */
    this.stopper = new AbortController();
    /** @private @type {string[]} */
    this.pieces = [];
    /** @private */
    this.over = false;
    /** @private */
    this.wake = () => {};
    /** @private @type {Promise<Result> | null} */
    this.running = null;
  }

  /** @returns {Promise<Result>} */
  get result() {
    this.running ??= this.run().finally(() => {
      this.over = true;
      this.wake();
    });
    this.running.catch(() => {}); // whoever waits for it hears of it
    return this.running;
  }

  stop() {
    this.stopper.abort();
  }

  async *[Symbol.asyncIterator]() {
    const { result } = this;
    try {
      while (!this.over || this.pieces.length) {
        if (this.pieces.length) yield/** @type {string} */ (this.pieces.shift());
        else await new Promise((resolve) => (this.wake = () => resolve(undefined)));
        this.signal?.throwIfAborted();
      }
      await result;
    } finally {
      if (!this.over) {
        this.stop();
        if (!this.signal?.aborted) await result.catch(() => {});
      }
    }
  }

  /** @private @returns {Promise<Result>} */
  async run() {
    const { seed, sample, signal } = this;
    signal?.throwIfAborted();
    const abort = () => {
      this.stop();
      this.wake();
    };
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const done = await this.connection.ask(this.request, this.stopper.signal, (message) => {
        if (message.type === "token" && message.text) this.pieces.push(message.text);
        this.wake();
      });
      signal?.throwIfAborted();
      const { text, finish, cutTokens, snapshot } = done;
      return { text, finish, numTokens: snapshot.newIds.length, cutTokens, seed, sample, snapshot };
    } catch (error) {
      signal?.throwIfAborted();
      if (error !== this.stopper.signal.reason) throw error;
      // Stopped before its turn came.
      const { text, cutTokens, snapshot } = this.start;
      return { text, finish: "stopped", numTokens: snapshot.newIds.length, cutTokens, seed, sample, snapshot };
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}
