/** What can be asked of a model beside writing: what comes next, how likely a text is, how it is cut into tokens. */

import { topIds } from "./sampler.js";

/**
 * @typedef {import("./tokenizer.js").Tokenizer} Tokenizer
 * @typedef {import("./writer.js").Writer} Writer
 * @typedef {() => Promise<boolean>} Stopped
 */

const ALL_LOGITS = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, maxNewTokens: 1, seed: 0 };

/**
 * The likeliest next tokens after a text, likeliest first, equally likely ones by rising id; of a text that is longer
 * than the context the end counts.
 *
 * @param {Tokenizer} tokenizer
 * @param {Writer} writer
 * @param {string} text
 * @param {number} k
 * @param {Stopped} stopped
 * @returns {Promise<{id: number, text: string, probability: number}[] | null>} Null when stopped.
 */
export async function candidates(tokenizer, writer, text, k, stopped) {
  const { snapshot } = writer.start(tokenizer.encode(text));
  const read = await writer.read(snapshot.window, ALL_LOGITS, stopped);
  if (!read) return null;
  const logits = /** @type {Float32Array} */ (read.outcome);
  const total = logSumExp(logits);
  return Array.from(topIds(logits, Math.min(k, logits.length)), (id) => ({
    id,
    text: tokenizer.decode([id]),
    probability: Math.exp(logits[id] - total),
  }));
}

/**
 * The logarithm of each token's probability, as tf_gpt2/generation/scoring.py has it: a text is a document, and of one
 * that is longer than the context each token is scored in the first window that has it.
 *
 * @param {Tokenizer} tokenizer
 * @param {Writer} writer
 * @param {string} text
 * @param {Stopped} stopped Asked before each token.
 * @returns {Promise<{ids: number[], tokens: string[], logProbabilities: number[]} | null>} Null when stopped.
 */
export async function score(tokenizer, writer, text, stopped) {
  const { decoder } = writer;
  const ids = tokenizer.encode(text);
  const sequence = [tokenizer.endOfTextId, ...ids];
  const logProbabilities = [];
  for (const { start, length, first } of planWindows(ids.length, writer.contextLength)) {
    writer.reset();
    // What an earlier window has scored is read in one go.
    if (first) await decoder.encode(sequence.slice(start, start + first));
    for (let place = first; place < length; place++) {
      if (await stopped()) {
        writer.reset();
        return null;
      }
      const logits = await decoder.encode([sequence[start + place]]);
      logProbabilities.push(logits[sequence[start + place + 1]] - logSumExp(logits));
    }
  }
  writer.reset();
  return { ...tokenize(tokenizer, text), logProbabilities };
}

/**
 * @param {Tokenizer} tokenizer
 * @param {string} text
 */
export function tokenize(tokenizer, text) {
  const ids = tokenizer.encode(text);
  return { ids, tokens: ids.map((id) => tokenizer.decode([id])) };
}

/**
 * Windows that predict tokens 1 to `count` of a sequence, each once: scoring.py's `plan_windows`.
 *
 * @param {number} count
 * @param {number} contextLength
 */
export function planWindows(count, contextLength) {
  const stride = Math.max(1, contextLength >> 1);
  const windows = [];
  for (let done = 0; done < count; ) {
    const next = windows.length ? windows[windows.length - 1].start + stride : 0;
    const start = Math.min(next, Math.max(0, count - contextLength));
    const length = Math.min(contextLength, count - start);
    windows.push({ start, length, first: done - start });
    done = start + length;
  }
  return windows;
}

function logSumExp(/** @type {Float32Array} */ logits) {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
