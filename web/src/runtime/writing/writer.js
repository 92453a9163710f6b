/**
 * Writes token by token. The window policy is tf_gpt2/generation's: a prompt keeps its last `contextLength` tokens; when
 * the window is full it starts again from its last half, and the text goes on without an end.
 */

import { Remembered } from "../inspection/remembered.js";
import { uniform } from "./random_numbers.js";
import { candidateCount, draw, drawAmong, penaliseRepetition, without } from "./sampler.js";
import { FINISH_TOKENS } from "./sentences.js";

/**
 * @typedef {import("../contract.js").Settings} Settings
 * @typedef {import("../contract.js").Snapshot} Snapshot
 * @typedef {import("../decoder.js").Candidates} Candidates
 * @typedef {{guard: import("../originality/guard.js").CopyGuard, promptIds: number[]}} Guarded
 */

// Prompts are read in parts of so many tokens, so that Stop never waits for a whole one.
const READ = 64;

export class Writer {
  /**
   * @param {import("../decoder.js").Decoder} decoder
   * @param {number} contextLength
   * @param {number} endOfTextId
   */
  constructor(decoder, contextLength, endOfTextId) {
    this.decoder = decoder;
    this.contextLength = contextLength;
    this.endOfTextId = endOfTextId;
    /** @type {number[]} What the decoder has encoded. */
    this.encoded = [];
    /** @type {{few: number, outcome: Float32Array | Candidates} | null} What it said last, if that is still as it was. */
    this.said = null;
    /** What the model said of texts that the decoder has forgotten. */
    this.remembered = new Remembered();
  }

  /**
   * @param {number[]} promptIds
   * @returns {{snapshot: Snapshot, cutTokens: number}} Where a new text starts.
   */
  start(promptIds) {
    this.reset();
    const ids = promptIds.length ? promptIds : [this.endOfTextId];
    const cutTokens = Math.max(0, ids.length - this.contextLength);
    return { snapshot: { window: ids.slice(cutTokens), newIds: [] }, cutTokens };
  }

  reset() {
    const { decoder, encoded, remembered } = this;
    if (encoded.length > 1 && encoded.length === decoder.length && decoder.states) {
      const states = decoder.states(encoded.length);
      if (states.length) remembered.keep(encoded, states);
    }
    decoder.reset();
    this.encoded = [];
    this.said = null;
  }

  /**
   * The last layer's state [D] after some tokens, if they were encoded and it is still known: of a text that was written
   * that costs no computing.
   *
   * @param {number[]} ids
   */
  stateAfter(ids) {
    const { decoder, encoded, remembered } = this;
    const live = ids.length <= encoded.length && encoded.length === decoder.length;
    if (live && decoder.states && ids.every((id, place) => id === encoded[place])) {
      const states = decoder.states(ids.length);
      return states.length ? states.slice(states.length - states.length / ids.length) : null;
    }
    return remembered.find(ids);
  }

  /**
   * Encodes what of the window is not encoded yet. The caller must pass the result's window on.
   *
   * @param {number[]} window
   * @param {Settings} settings
   * @param {() => Promise<boolean>} stopped Asked between the parts.
   * @returns {Promise<{window: number[], outcome: Float32Array | Candidates} | null>} Null when stopped.
   */
  async read(window, settings, stopped) {
    let ids = window;
    if (ids.length > this.contextLength) ids = ids.slice(-Math.max(1, Math.floor(this.contextLength / 2)));
    const known = this.encoded.length <= ids.length && this.encoded.every((id, i) => id === ids[i]);
    // After the end of a sentence the token that was looked at is drawn again.
    if (known && this.encoded.length === ids.length && this.said?.few === this.few(settings)) {
      return { window: ids, outcome: this.said.outcome };
    }
    if (!known || this.encoded.length === ids.length) this.reset();
    for (;;) {
      // The last token goes alone, as it does when there is nothing else to read: one shape less to compile.
      const left = ids.length - this.encoded.length;
      const part = ids.slice(this.encoded.length, this.encoded.length + Math.max(1, Math.min(READ, left - 1)));
      this.encoded.push(...part);
      const outcome = await this.encode(part, settings);
      // A penalty will change the logits in place.
      this.said = settings.repetitionPenalty === 1 ? { few: this.few(settings), outcome } : null;
      if (this.encoded.length === ids.length) return { window: ids, outcome };
      if (await stopped()) return null;
    }
  }

  /**
   * All logits, or where the decoder can tell them and they decide, the likeliest tokens alone.
   *
   * @private
   * @param {number[]} ids
   * @param {Settings} settings
   * @returns {Promise<Float32Array | Candidates>}
   */
  encode(ids, settings) {
    const { decoder } = this;
    const count = this.few(settings);
    return count && decoder.encodeCandidates ? decoder.encodeCandidates(ids, count) : decoder.encode(ids);
  }

  /** How many of the likeliest tokens are enough; 0 when all logits are needed. @private */
  few(/** @type {Settings} */ settings) {
    const count = candidateCount(settings);
    if (settings.avoidCopying && !this.decoder.lastLogits) return 0; // any of the likeliest may be forbidden
    // A penalty can bring any token among the likeliest.
    const enough = settings.repetitionPenalty === 1 && count <= (this.decoder.maxCandidates ?? 0);
    return enough && this.decoder.encodeCandidates ? count : 0;
  }

  /**
   * @param {Float32Array | Candidates} outcome Logits are changed in place.
   * @param {number[]} window
   * @param {number} position Which new token this is.
   * @param {Settings} settings
   * @param {number} sample
   */
  pick(outcome, window, position, settings, sample) {
    const random = uniform(settings.seed, 0, sample, position);
    if ("ids" in outcome) return drawAmong(outcome, random, settings);
    penaliseRepetition(outcome, window, settings.repetitionPenalty);
    return draw(outcome, random, settings);
  }

  /**
   * The same among what copies nothing. A token is drawn as ever; only one that completes a copy is drawn again, with the
   * same random number, and the first of a text among what is allowed: tf_gpt2/generation/session.py.
   *
   * @param {Float32Array | Candidates} outcome
   * @param {number[]} window
   * @param {number[]} newIds
   * @param {Settings} settings
   * @param {number} sample
   * @param {Guarded | null} guarded
   * @returns {number | null} Null where everything would copy.
   */
  pickAllowed(outcome, window, newIds, settings, sample, guarded) {
    const id = this.pick(outcome, window, newIds.length, settings, sample);
    if (!guarded) return id;
    const { guard, promptIds } = guarded;
    const before = [...promptIds, ...newIds];
    if (newIds.length && !guard.completes(before, id)) return id;
    const forbidden = guard.forbidden(before);
    if (newIds.length) forbidden.add(id);
    const random = uniform(settings.seed, 0, sample, newIds.length);
    const logits = "ids" in outcome ? lastLogits(this.decoder) : outcome;
    for (;;) {
      const again = draw(without(logits, forbidden), random, settings);
      if (!guard.completes(before, again)) return again;
      if (forbidden.has(again)) return null;
      forbidden.add(again);
    }
  }

  /**
   * Writes on from a snapshot.
   *
   * @param {Snapshot} start
   * @param {Settings} settings
   * @param {number} sample
   * @param {() => Promise<boolean>} stopped Asked before each token; lets messages in.
   * @param {(id: number) => void} onToken
   * @param {import("./sentences.js").SentenceEnd | null} [sentence] Ends the text past its limit; `onToken` tells it of
   *   each token. The snapshot then holds the tokens that it keeps.
   * @param {Guarded | null} [guarded] Keeps copies out, with the settings' `avoidCopying`.
   * @returns {Promise<{finish: "length" | "end_of_text" | "stopped", snapshot: Snapshot}>}
   */
  async write(start, settings, sample, stopped, onToken, sentence = null, guarded = null) {
    let window = start.window;
    const newIds = [...start.newIds];
    const end = newIds.length + settings.maxNewTokens + (sentence ? FINISH_TOKENS : 0);
    let kept = { window, count: newIds.length };
    const now = () =>
      sentence ? { window: kept.window, newIds: newIds.slice(0, kept.count) } : { window, newIds };
    while (newIds.length < end && !sentence?.ended) {
      if (await stopped()) return { finish: "stopped", snapshot: now() };
      const read = await this.read(window, settings, stopped);
      if (!read) return { finish: "stopped", snapshot: now() };
      const id = this.pickAllowed(read.outcome, read.window, newIds, settings, sample, guarded);
      if (id === null) break;
      window = [...read.window, id];
      newIds.push(id);
      if (id === this.endOfTextId) return { finish: "end_of_text", snapshot: { window, newIds } };
      onToken(id);
      const count = newIds.length;
      if (sentence?.kept === count - start.newIds.length) kept = { window, count };
    }
    return { finish: "length", snapshot: now() };
  }
}

function lastLogits(/** @type {import("../decoder.js").Decoder} */ decoder) {
  if (!decoder.lastLogits) throw new Error("the decoder tells candidates alone");
  return decoder.lastLogits();
}
