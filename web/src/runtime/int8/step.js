/**
 * One step of GPT-2: the list of kernels that each thread goes through. Of several each takes its share of every kernel,
 * and they meet before the next. Addresses are bytes in the memory that they share.
 *
 * Shapes: n tokens, D width, F inner width, V vocabulary.
 *
 * @typedef {{weight: number, bias: number}} NormPlace
 * @typedef {{tiles: number, scales: number, bias: number, inputs: number, outputs: number}} LinearPlace `bias` may be 0.
 * @typedef {object} Layer
 * @property {NormPlace} norm1
 * @property {LinearPlace} qkv
 * @property {LinearPlace} project
 * @property {NormPlace} norm2
 * @property {LinearPlace} expand
 * @property {LinearPlace} contract
 * @property {number} keys Layout: src/kernels/attention.ts.
 * @property {number} values
 *
 * @typedef {object} Plan What to compute and where; plain data, so that it can be sent to a thread.
 * @property {number} width
 * @property {number} inner
 * @property {number} heads
 * @property {number} epsilon
 * @property {Layer[]} layers
 * @property {NormPlace} finalNorm
 * @property {LinearPlace} head
 * @property {number} x [n, D] embeddings at first.
 * @property {number} logits [V] of a state that is asked about.
 * @property {number} wide [n, max(3 D, F)]
 * @property {number} narrow [n, D]
 * @property {number} rounded int16 [n, max(D, F), filled up to a multiple of 8]
 * @property {number} roundedScales [n]
 * @property {number[]} scratch Of attention, for each thread.
 *
 * @typedef {Record<string, (...values: number[]) => void>} Functions
 */

import { TILE_OUTPUTS } from "../bundle/weights.js";

const FLOAT = 4;
const INT16 = 2;
export const VECTOR = 8; // int16 activations come in groups of so many

export class Step {
  /**
   * @param {Functions} functions Of the kernels' module, in a thread's own instance.
   * @param {Plan} plan
   * @param {number} thread This one, from 0.
   * @param {number} threads How many there are.
   * @param {() => void} meet Waits for the others.
   */
  constructor(functions, plan, thread = 0, threads = 1, meet = () => {}) {
    this.functions = functions;
    this.plan = plan;
    this.thread = thread;
    this.threads = threads;
    this.meet = meet;
  }

  /**
   * @param {number} n Tokens whose embeddings lie in `plan.x`.
   * @param {number} position Of the first.
   * @param {number} logits Where those [V] of what follows the last token go; 0 when they are not wanted.
   * @param {((kind: "state" | "projections", layer: number, address: number) => void) | null} [watch] Where something
   *   lies that is soon overwritten.
   */
  run(n, position, logits, watch = null) {
    const { plan } = this;
    watch?.("state", 0, plan.x);
    for (const [index, layer] of plan.layers.entries()) {
      this.normalise(plan.x, layer.norm1, n);
      this.multiply(layer.qkv, n, plan.wide);
      watch?.("projections", index, plan.wide);
      this.attend(layer, n, position);
      this.round(plan.narrow, plan.width, n);
      this.multiply(layer.project, n, plan.x, plan.x);
      this.normalise(plan.x, layer.norm2, n);
      this.multiply(layer.expand, n, plan.wide);
      this.gelu(n);
      this.multiply(layer.contract, n, plan.x, plan.x);
      watch?.("state", index + 1, plan.x);
    }
    if (logits) this.answer(plan.x + (n - 1) * plan.width * FLOAT, logits);
  }

  /** Logits [V] of a state [D]. */
  answer(/** @type {number} */ state, /** @type {number} */ logits) {
    const { plan } = this;
    this.normalise(state, plan.finalNorm, 1);
    this.multiply(plan.head, 1, logits);
  }

  /** Layer normalisation of x [n, D], rounded for the next product. @private */
  normalise(/** @type {number} */ x, /** @type {NormPlace} */ { weight, bias }, /** @type {number} */ n) {
    const { width, narrow, epsilon } = this.plan;
    const [first, end] = this.share(n);
    if (end > first) {
      const at = first * width * FLOAT;
      this.functions.layerNorm(x + at, weight, bias, narrow + at, end - first, width, epsilon);
      this.roundRows(narrow, width, first, end);
    }
    this.meet();
  }

  /** @private */
  round(/** @type {number} */ x, /** @type {number} */ width, /** @type {number} */ n) {
    this.roundRows(x, width, ...this.share(n));
    this.meet();
  }

  /** GELU of what the inner layer has put out, rounded for the next product. @private */
  gelu(/** @type {number} */ n) {
    const { wide, inner } = this.plan;
    const [first, end] = this.share(n);
    const at = wide + first * inner * FLOAT;
    this.functions.gelu(at, at, (end - first) * inner);
    this.roundRows(wide, inner, first, end);
    this.meet();
  }

  /** Some rows of x [n, width], to int16. @private */
  roundRows(
    /** @type {number} */ x,
    /** @type {number} */ width,
    /** @type {number} */ first,
    /** @type {number} */ end,
  ) {
    const { rounded, roundedScales } = this.plan;
    const stride = rowStride(width);
    const values = rounded + first * stride * INT16;
    this.functions.quantise(
      x + first * width * FLOAT,
      values,
      roundedScales + first * FLOAT,
      end - first,
      width,
      stride,
    );
  }

  /** What was rounded last times a matrix, and added to `residual` where there is one. */
  multiply(
    /** @type {LinearPlace} */ { tiles, scales, bias, inputs, outputs },
    /** @type {number} */ n,
    /** @type {number} */ out,
    residual = 0,
  ) {
    const { rounded, roundedScales } = this.plan;
    this.functions.multiply(
      rounded,
      roundedScales,
      n,
      rowStride(inputs),
      inputs,
      tiles,
      scales,
      bias,
      residual,
      out,
      outputs,
      ...this.share(Math.ceil(outputs / TILE_OUTPUTS)),
    );
    this.meet();
  }

  /** @private */
  attend(/** @type {Layer} */ { keys, values }, /** @type {number} */ n, /** @type {number} */ position) {
    const { wide, narrow, scratch, heads, width } = this.plan;
    this.functions.attend(
      wide,
      keys,
      values,
      narrow,
      scratch[this.thread],
      n,
      position,
      heads,
      width / heads,
      ...this.share(heads),
    );
    this.meet();
  }

  /** This thread's part of `count` things. @private @returns {[first: number, end: number]} */
  share(/** @type {number} */ count) {
    const { thread, threads } = this;
    return [Math.floor((count * thread) / threads), Math.floor((count * (thread + 1)) / threads)];
  }
}

/** int16 values from one row to the next. */
export function rowStride(/** @type {number} */ width) {
  return Math.ceil(width / VECTOR) * VECTOR;
}
