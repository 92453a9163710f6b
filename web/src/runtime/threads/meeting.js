/**
 * How threads that share a memory wait for each other. Words of an Int32Array in that memory:
 */

export const WORDS = 4;
const ARRIVED = 0; // threads that wait at the current meeting
const MEETING = 1; // number of the meeting
const TASK = 2; // number of the task

// Meetings are microseconds apart while a token is computed: asking again and again is faster than being woken. A
// thread that asked so often sleeps, so that it takes nothing from one that has no processor of its own.
const ASKS = 2000;
// A thread that needs longer has ended. Waited for in parts, of which a device that slept meanwhile loses only one.
const PART_MILLISECONDS = 500;
const PARTS = 20;

export class Meeting {
  /**
   * @param {Int32Array} words WORDS numbers in shared memory, 0 at first.
   * @param {number} threads How many meet.
   */
  constructor(words, threads) {
    this.words = words;
    this.threads = threads;
  }

  /**
   * Waits until all threads are here.
   *
   * @throws {Error} When one does not come.
   */
  meet() {
    const { words, threads } = this;
    const meeting = Atomics.load(words, MEETING);
    if (Atomics.add(words, ARRIVED, 1) === threads - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.add(words, MEETING, 1);
      Atomics.notify(words, MEETING);
      return;
    }
    for (let ask = 0; ask < ASKS; ask++) if (Atomics.load(words, MEETING) !== meeting) return;
    for (let part = 0; part < PARTS; part++) {
      if (Atomics.wait(words, MEETING, meeting, PART_MILLISECONDS) !== "timed-out") return;
    }
    throw new Error("a thread is lost");
  }

  /** Wakes the threads that wait for a task. */
  start() {
    Atomics.add(this.words, TASK, 1);
    Atomics.notify(this.words, TASK);
  }

  /**
   * Sleeps until the task after the one last known.
   *
   * @param {number} known
   * @returns {number} The new task.
   */
  awaitTask(known) {
    Atomics.wait(this.words, TASK, known);
    return Atomics.load(this.words, TASK);
  }
}
