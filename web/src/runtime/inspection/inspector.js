/** Answers what a visitor wants to see of a text: the contract's `inspect` messages, whichever decoder computes. */

import { planWindows } from "../writing/questions.js";
import { likeliest, logSumExp, place, windowStart } from "./answers.js";
import { attentionOf, splitHeads } from "./attention.js";
import { tokenText } from "./token_text.js";
import { logitsInOrder, traceOf } from "./trace.js";
import { numbers } from "./unseen.js";

// Of a longer text a part is looked at, whose numbers take no more room than this.
const MOST_BYTES = 2 ** 28;
const MOST_TOKENS = 400;
const CANDIDATES = 50;
const LENS = 10;

/**
 * @typedef {import("../contract.js").InspectMessage} InspectMessage
 * @typedef {import("../decoder.js").Decoder} Decoder
 * @typedef {import("./trace.js").Stopped} Stopped
 * @typedef {import("./trace.js").Trace} Trace
 */

export class Inspector {
  /**
   * @param {import("../writing/tokenizer.js").Tokenizer} tokenizer
   * @param {import("../writing/writer.js").Writer} writer
   * @param {import("../decoder.js").ModelConfig} config
   */
  constructor(tokenizer, writer, config) {
    this.tokenizer = tokenizer;
    this.writer = writer;
    this.config = config;
    /** @type {{text: string, ids: number[]} | null} */
    this.encoded = null;
    /** @type {Trace | null} What was traced last. */
    this.traced = null;
  }

  /**
   * @param {InspectMessage} message
   * @param {Stopped} stopped
   * @returns {Promise<Record<string, any> | null>} Null when stopped.
   */
  async answer(message, stopped) {
    const prompt = this.encode(message.prompt);
    const ids = [...prompt, ...message.newIds];
    switch (message.what) {
      case "tokens":
        return this.tokens(ids, prompt.length);
      case "candidates":
        return this.candidates(ids, prompt.length, message.position ?? ids.length - 1, stopped);
      case "surprise":
        return this.surprise(ids.slice(message.from ?? 0, message.to), stopped);
    }
    const { from = 0, to = ids.length, layer = 0 } = message;
    const trace = await this.trace(ids.slice(from, to), stopped);
    if (!trace) return null;
    const { n_head: heads, n_layer: layers } = this.config;
    const length = trace.ids.length;
    const projections = trace.projections[Math.min(layer, layers - 1)];
    if (message.what === "attention") return { weights: attentionOf(projections, length, heads) };
    if (message.what === "projections") {
      const [queries, keys, values] = [0, 1, 2].map((which) => splitHeads(projections, which, length, heads));
      return { queries, keys, values };
    }
    if (message.what === "lens") return this.lens(trace, message.rows ?? [0, length], stopped);
    return this.walk(trace, message.position ?? length - 1);
  }

  /** Forgets what takes room. */
  reset() {
    this.traced = null;
  }

  /** @private */
  encode(/** @type {string} */ text) {
    if (this.encoded?.text !== text) this.encoded = { text, ids: this.tokenizer.encode(text) };
    return this.encoded.ids;
  }

  /** @private */
  tokens(/** @type {number[]} */ ids, /** @type {number} */ promptLength) {
    const { n_layer: layers, n_head: heads, n_embd: width, n_positions: context } = this.config;
    const room = Math.floor(MOST_BYTES / (4 * width * (4 * layers + 1)));
    return {
      ids,
      tokens: ids.map((id) => tokenText(this.tokenizer, id)),
      promptLength,
      limit: Math.max(1, Math.min(context, MOST_TOKENS, room)),
      context,
      shape: {
        layers,
        heads,
        headDim: width / heads,
        width,
        inner: this.config.n_inner ?? 4 * width,
        context,
        vocabulary: this.tokenizer.vocabularySize,
        tied: this.config.tie_word_embeddings ?? true,
      },
    };
  }

  /** What may follow a position, -1 for the first token. @private */
  async candidates(
    /** @type {number[]} */ ids,
    /** @type {number} */ promptLength,
    /** @type {number} */ position,
    /** @type {Stopped} */ stopped,
  ) {
    const empty = promptLength === 0;
    const { endOfTextId, contextLength } = this.writer;
    // A text of nothing begins with the token between documents: Writer.start.
    const whole = empty || position < 0 ? [endOfTextId, ...ids] : ids;
    const shift = whole.length - ids.length;
    const at = position + shift;
    const start = windowStart(empty ? 1 : promptLength, at + 1, contextLength);
    const seen = whole.slice(start, at + 1);
    const logits = await this.logitsAfter(seen, stopped);
    if (!logits) return null;
    const total = numbers(logSumExp(logits));
    const { ids: found } = likeliest(logits, CANDIDATES);
    return {
      ids: found,
      texts: Array.from(found, (id) => tokenText(this.tokenizer, id).text),
      logits: Float32Array.from(found, (id) => logits[id]),
      logSumExp: total,
      all: logits,
      seen,
    };
  }

  /** Of a text that was written, its state is known; else it is read. @private */
  async logitsAfter(/** @type {number[]} */ seen, /** @type {Stopped} */ stopped) {
    const { writer } = this;
    const { decoder } = writer;
    const state = decoder.answer ? writer.stateAfter(seen) : null;
    if (state && decoder.answer) return decoder.answer(state);
    const all = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, maxNewTokens: 1, seed: 0 };
    const read = await writer.read(seen, all, stopped);
    return read && /** @type {Float32Array} */ (read.outcome).slice();
  }

  /** As `score` of questions.js has it: a text is a document. @private */
  async surprise(/** @type {number[]} */ ids, /** @type {Stopped} */ stopped) {
    const { writer, config } = this;
    const sequence = [writer.endOfTextId, ...ids];
    const logProbabilities = new Float32Array(ids.length);
    const ranks = new Int32Array(ids.length);
    for (const { start, length, first } of planWindows(ids.length, writer.contextLength)) {
      const part = sequence.slice(start, start + length);
      const logitsOf = await logitsInOrder(writer, part, first, config, stopped);
      if (!logitsOf) return null;
      for (let at = first; at < length; at++) {
        if (at % 32 === 0 && (await stopped())) return null;
        const target = start + at; // of ids: the token after it in the sequence
        const found = place(await logitsOf(at), ids[target]);
        logProbabilities[target] = numbers(found.logProbability);
        ranks[target] = found.rank;
      }
    }
    return { logProbabilities, ranks };
  }

  /** @private @returns {Promise<Trace | null>} */
  async trace(/** @type {number[]} */ ids, /** @type {Stopped} */ stopped) {
    const { traced } = this;
    if (traced && traced.ids.length === ids.length && ids.every((id, at) => id === traced.ids[at])) return traced;
    this.traced = null; // its room is needed
    this.traced = await traceOf(this.writer, ids, this.config, stopped);
    return this.traced;
  }

  /** The likeliest after each layer, for some positions. @private */
  async lens(
    /** @type {Trace} */ { states, ids },
    /** @type {[number, number]} */ [from, wanted],
    /** @type {Stopped} */ stopped,
  ) {
    const to = Math.min(wanted, ids.length);
    const width = this.config.n_embd;
    const size = Math.min(LENS, this.tokenizer.vocabularySize);
    const found = new Int32Array(states.length * (to - from) * size);
    const probabilities = new Float32Array(found.length);
    const { answer } = this.writer.decoder;
    for (const [layer, rows] of states.entries()) {
      if (await stopped()) return null;
      for (let at = from; at < to; at++) {
        const state = rows.subarray(at * width, (at + 1) * width);
        const logits = await /** @type {NonNullable<Decoder["answer"]>} */ (answer).call(
          this.writer.decoder,
          state,
        );
        numbers(logits[0]);
        const best = likeliest(logits, size);
        const to_ = (layer * (to - from) + at - from) * size;
        found.set(best.ids, to_);
        probabilities.set(best.probabilities, to_);
      }
    }
    const texts = Object.fromEntries([...new Set(found)].map((id) => [id, tokenText(this.tokenizer, id).text]));
    return { ids: found, probabilities, texts, size };
  }

  /** @private */
  walk(/** @type {Trace} */ { states }, /** @type {number} */ position) {
    const width = this.config.n_embd;
    const hidden = new Float32Array(states.length * width);
    for (const [layer, rows] of states.entries()) {
      hidden.set(rows.subarray(position * width, (position + 1) * width), layer * width);
    }
    return { hidden };
  }
}
