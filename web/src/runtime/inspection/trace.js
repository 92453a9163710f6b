/** One way of a decoder through a text, and what it computed on it. T tokens, L layers, D the width. */

import { Unseen } from "./unseen.js";

/**
 * @typedef {import("../writing/writer.js").Writer} Writer
 * @typedef {() => Promise<boolean>} Stopped
 * @typedef {{ids: number[], states: Float32Array[], projections: Float32Array[]}} Trace States [L + 1][T, D], projections
 *   [L][T, 3 D].
 */

/**
 * States and projections of a text.
 *
 * @param {Writer} writer
 * @param {number[]} ids
 * @param {import("../decoder.js").ModelConfig} config
 * @param {Stopped} stopped
 * @returns {Promise<Trace | null>} Null when stopped.
 * @throws {Unseen} The decoder cannot be looked into.
 */
export async function traceOf(writer, ids, { n_layer: layers, n_embd: width }, stopped) {
  const { decoder } = writer;
  if (!decoder.trace || !decoder.answer) throw new Unseen("unsupported");
  const rows = (/** @type {number} */ count, /** @type {number} */ size) =>
    Array.from({ length: count }, () => new Float32Array(ids.length * size));
  const trace = { ids, states: rows(layers + 1, width), projections: rows(layers, 3 * width) };
  writer.reset();
  const done = await decoder.trace(
    ids,
    (kind, layer, first, values) => {
      if (kind === "state") trace.states[layer].set(values, first * width);
      else trace.projections[layer].set(values, first * 3 * width);
    },
    stopped,
  );
  decoder.reset();
  return done ? trace : null;
}

/**
 * Logits after tokens of a text, to be asked for in their order.
 *
 * @param {Writer} writer
 * @param {number[]} ids
 * @param {number} first The first token that will be asked for.
 * @param {import("../decoder.js").ModelConfig} config
 * @param {Stopped} stopped
 * @returns {Promise<((at: number) => Promise<Float32Array> | Float32Array) | null>} Null when stopped.
 */
export async function logitsInOrder(writer, ids, first, { n_layer: layers, n_embd: width }, stopped) {
  const { decoder } = writer;
  writer.reset();
  const { answer } = decoder;
  if (!decoder.trace || !answer) {
    if (first) await decoder.encode(ids.slice(0, first));
    return (at) => decoder.encode([ids[at]]);
  }
  const states = new Float32Array(ids.length * width);
  const done = await decoder.trace(
    ids,
    (kind, layer, from, values) => {
      if (kind === "state" && layer === layers) states.set(values, from * width);
    },
    stopped,
  );
  decoder.reset();
  if (!done) return null;
  return (at) => answer.call(decoder, states.subarray(at * width, (at + 1) * width));
}
