/**
 * The kernels' decoder, each kernel shared out among threads; no TensorFlow.js. Weights lie as in the bundle in memory that
 * the threads share.
 */

import { asCandidates, KernelDecoder } from "../int8/kernel_decoder.js";
import { makePlan } from "../int8/plan.js";
import { timeSteps } from "../writing/probe.js";
import { MAX_INSERTION } from "../writing/sampler.js";
import { roomFor } from "./shared_memory.js";
import { TEAM_BYTES, Team } from "./team.js";

const WORD = 4;
const MOST_THREADS = 4;
// A further thread must save so much of the time: less is not worth a processor.
const SHARE = 0.85;

/** @typedef {import("./shared_memory.js").SharedMemory} SharedMemory */

export class ThreadDecoder extends KernelDecoder {
  /**
   * Bytes that a decoder takes beside its weights.
   *
   * @param {import("../decoder.js").ModelConfig} config
   * @param {import("../bundle/weights.js").WeightStore} weights Whose bytes need not be there yet.
   * @param {number} vocabularySize
   */
  static need(config, weights, vocabularySize) {
    let bytes = 0;
    const count = (/** @type {number} */ more) => {
      bytes += roomFor(more);
      return 0;
    };
    makePlan(config, weights, 0, count, vocabularySize, MOST_THREADS);
    count(vocabularySize * WORD);
    count(2 * MAX_INSERTION * WORD);
    for (let threads = 1; threads <= MOST_THREADS; threads *= 2) count(TEAM_BYTES);
    return bytes;
  }

  /**
   * @param {import("../decoder.js").ModelConfig} config
   * @param {import("../bundle/weights.js").WeightStore} weights
   * @param {SharedMemory} memory
   * @param {number} start Address of the weights in it.
   * @param {WebAssembly.Module} module The kernels, for shared memory.
   * @param {number} vocabularySize Ids from here on get no logits.
   * @throws {import("../trouble.js").Trouble} "bundle_damaged", or "out_of_memory" as a RangeError.
   */
  constructor(config, weights, memory, start, module, vocabularySize) {
    const take = memory.take.bind(memory);
    super(config, weights, makePlan(config, weights, start, take, vocabularySize, MOST_THREADS), memory);
    this.shared = memory;
    this.module = module;
    this.vocabularySize = vocabularySize;
    this.logits = memory.take(vocabularySize * WORD);
    this.candidates = memory.take(2 * this.maxCandidates * WORD);
    /** @type {Team | null} */
    this.team = null;
  }

  get threads() {
    return this.team?.threads ?? 0;
  }

  /**
   * Finds out by timing how many threads are fastest here; a machine's processors may have other work.
   *
   * @param {number | null} forced The number to take untimed.
   */
  async gather(forced) {
    if (forced) {
      this.team = await this.teamOf(Math.min(forced, MOST_THREADS));
      return;
    }
    this.team = await this.teamOf(1);
    let least = await timeSteps(this, this.contextLength);
    for (let threads = 2; threads <= Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS); threads *= 2) {
      const before = this.team;
      this.team = await this.teamOf(threads);
      const time = await timeSteps(this, this.contextLength);
      if (time > least * SHARE) {
        this.team.dismiss();
        this.team = before;
        return;
      }
      before.dismiss();
      least = time;
    }
  }

  /** @override @protected */
  step(/** @type {number} */ n, /** @type {boolean} */ last, /** @type {number} */ k) {
    const { team, shared, logits, candidates, vocabularySize } = this;
    if (!team) throw new Error("encode before gather");
    team.run(n, this.length, last ? logits : 0);
    if (!k) return shared.floats(logits, vocabularySize).slice();
    team.step.functions.topK(logits, vocabularySize, k, candidates, candidates + k * WORD);
    return asCandidates(new Int32Array(shared.memory.buffer, candidates, 2 * k).slice());
  }

  /** @private */
  teamOf(/** @type {number} */ threads) {
    return Team.gather(this.shared, this.module, this.plan, threads);
  }
}
