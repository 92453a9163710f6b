/** Worker threads that compute every step together with the one that owns them. */

import { home, startWorker } from "../home.js";
import { Step } from "../int8/step.js";
import { scriptName } from "../program_file.js";
import { Trouble } from "../trouble.js";
import { Meeting, WORDS } from "./meeting.js";
import { roomFor } from "./shared_memory.js";

const HELPER_FILE = "thread_helper.js";
const START_MILLISECONDS = 30_000;
const TASK_BYTES = 3 * 4; // the arguments of `Step.run`
/** What a team takes of the memory, in two rooms. */
export const TEAM_BYTES = 2 * roomFor(Math.max(WORDS * 4, TASK_BYTES));

/**
 * @typedef {import("../int8/step.js").Plan} Plan
 * @typedef {import("./shared_memory.js").SharedMemory} SharedMemory
 *
 * @typedef {object} Assignment What a helper gets, once.
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} memory
 * @property {Plan} plan
 * @property {number} thread
 * @property {number} threads
 * @property {number} words Address of the meeting's words.
 * @property {number} task Address of the task, the arguments of `Step.run`.
 */

export class Team {
  /** @private */
  constructor(/** @type {Step} */ step, /** @type {Meeting} */ meeting, /** @type {Uint32Array} */ task) {
    this.step = step;
    this.meeting = meeting;
    this.task = task;
    /** @type {Worker[]} */
    this.helpers = [];
  }

  /**
   * @param {SharedMemory} memory
   * @param {WebAssembly.Module} module
   * @param {Plan} plan
   * @param {number} threads With the calling one.
   * @returns {Promise<Team>} When all helpers are there.
   * @throws {Error} A helper cannot start.
   */
  static async gather(memory, module, plan, threads) {
    const [words, task] = [memory.take(WORDS * 4), memory.take(TASK_BYTES)];
    const assignment = { module, memory: memory.memory, plan, threads, words, task };
    const { step, meeting } = await join({ ...assignment, thread: 0 });
    const team = new Team(step, meeting, new Uint32Array(memory.memory.buffer, task, 3));
    const started = Array.from({ length: threads - 1 }, (_, index) =>
      team.hire({ ...assignment, thread: index + 1 }),
    );
    try {
      await Promise.all(started);
    } catch (error) {
      team.dismiss();
      throw error;
    }
    return team;
  }

  get threads() {
    return this.helpers.length + 1;
  }

  /** All threads compute one step: `Step.run`. */
  run(/** @type {number} */ n, /** @type {number} */ position, /** @type {number} */ logits) {
    this.task.set([n, position, logits]);
    this.meeting.start();
    this.step.run(n, position, logits);
  }

  /** Ends the helpers. */
  dismiss() {
    for (const helper of this.helpers) helper.terminate();
    this.helpers = [];
  }

  /** @private @returns {Promise<void>} */
  hire(/** @type {Assignment} */ assignment) {
    const elsewhere = home() !== globalThis.location.href;
    const helper = elsewhere ? startWorker(HELPER_FILE, home()) : new Worker(scriptName(HELPER_FILE));
    this.helpers.push(helper);
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`${HELPER_FILE} does not answer`)), START_MILLISECONDS);
      helper.onmessage = ({ data }) => (data.trouble ? reject(new Error(data.trouble)) : resolve());
      helper.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message || HELPER_FILE));
      };
      try {
        helper.postMessage(assignment);
      } catch (error) {
        reject(new Trouble("not_offered", `sharing: ${error}`)); // a browser that makes such memory and does not send it
      }
    });
  }
}

/**
 * A thread's own instance of the kernels, and its side of the team.
 *
 * @param {Assignment} assignment
 */
export async function join({ module, memory, plan, thread, threads, words }) {
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const functions = /** @type {import("../int8/step.js").Functions} */ (/** @type {unknown} */ (instance.exports));
  const meeting = new Meeting(new Int32Array(memory.buffer, words, WORDS), threads);
  return { meeting, step: new Step(functions, plan, thread, threads, () => meeting.meet()) };
}
