/** The source of the page: every number is asked of the worker, and remembered. */

import { uniform } from "../runtime/writing/random_numbers.js";
import { characters } from "./labels.js";
import { SourceError } from "./source.js";

/**
 * @typedef {import("./source.js").Source} Source
 * @typedef {import("./source.js").Token} Token
 * @typedef {import("./source.js").SourceSettings} SourceSettings
 * @typedef {import("../page/manuscript/run.js").Run} Run
 * @typedef {(question: any) => Promise<import("../runtime/contract.js").InspectionMessage>} Ask
 */

// What is coloured needs little room a token, so of a long text more is coloured than drawn.
const MOST_COLOURED = 4000;

/** @implements {Source} */
export class WorkerSource {
  /**
   * @param {Ask} ask
   * @param {Run} run
   * @param {SourceSettings} settings
   * @param {any} facts The worker's answer about tokens.
   * @param {number} from First token of the window.
   * @param {number} to
   */
  constructor(ask, run, settings, facts, from, to) {
    this.ask_ = ask;
    this.run = run;
    this.settings = settings;
    this.shape = facts.shape;
    this.facts = facts;
    this.from = from;
    this.to = to;
    /** @type {Token[]} */
    this.tokens = facts.tokens.slice(from, to);
    /** @type {Map<string, Promise<any>>} */
    this.known = new Map();
    this.offsets = offsets(facts.tokens);
    this.whole = to - from === facts.tokens.length ? undefined : this.wider();
  }

  /**
   * @param {Ask} ask
   * @param {Run} run
   * @param {SourceSettings} settings
   * @param {number | null} caret What the window is to be around; its end when null.
   */
  static async open(ask, run, settings, caret) {
    const facts = await answered(ask({ what: "tokens", prompt: run.prompt, newIds: run.newIds }));
    const { tokens, limit } = facts;
    const wanted = caret === null ? tokens.length : placeOf(offsets(tokens), caret) + Math.ceil(limit / 2);
    const to = Math.max(Math.min(limit, tokens.length), Math.min(tokens.length, wanted));
    return new WorkerSource(ask, run, settings, facts, Math.max(0, to - limit), to);
  }

  /** @param {number} layer @returns {Promise<Float32Array>} */
  async attention(layer) {
    return (await this.get(`attention ${layer}`, { what: "attention", layer })).weights;
  }

  /** @param {number} layer */
  projections(layer) {
    return this.get(`projections ${layer}`, { what: "projections", layer });
  }

  /** @param {number} position @returns {Promise<any>} */
  candidates(position) {
    const absolute = position + this.from;
    return this.get(`candidates ${position}`, { what: "candidates", position: absolute });
  }

  /** @returns {Promise<any>} */
  surprise() {
    return this.get("surprise", { what: "surprise" });
  }

  /** @returns {Promise<any>} */
  lens(from = 0, to = this.tokens.length) {
    return this.get(`lens ${from} ${to}`, { what: "lens", rows: [from, to] });
  }

  /** @param {number} position @returns {Promise<any>} */
  walk(position) {
    return this.get(`walk ${position}`, { what: "walk", position });
  }

  /** @param {number} position @returns {import("./source.js").Draw | null} */
  draw(position) {
    const count = position + 1 + this.from - this.facts.promptLength;
    if (count < 0 || count >= this.run.newIds.length) return null;
    const made = this.run.draws.find(({ upTo }) => count < upTo)?.made;
    return made ? { random: uniform(made.seed, 0, made.sample, count), settings: made } : null;
  }

  /** Where in the text a token begins, in UTF-16 units. @param {number} position */
  offsetOf(position) {
    return this.offsets[this.from + position];
  }

  /** The token at a place of the text. @param {number} offset */
  at(offset) {
    return placeOf(this.offsets, offset) - this.from;
  }

  /** More of a long text, for what needs little room. @private */
  wider() {
    const to = Math.min(this.facts.tokens.length, Math.max(this.to, MOST_COLOURED));
    const from = Math.max(0, to - MOST_COLOURED);
    const { facts, ask_: ask, run } = this;
    let asked = /** @type {Promise<any> | null} */ (null);
    const surprise = () => {
      asked ??= answered(ask({ what: "surprise", prompt: run.prompt, newIds: run.newIds, from, to }));
      asked.catch(() => (asked = null));
      return asked;
    };
    return {
      tokens: /** @type {Token[]} */ (facts.tokens.slice(from, to)),
      surprise,
      from,
      all: facts.tokens.length,
    };
  }

  /** @private */
  get(/** @type {string} */ key, /** @type {any} */ question) {
    const { run, from, to } = this;
    const found =
      this.known.get(key) ?? answered(this.ask_({ from, to, ...question, prompt: run.prompt, newIds: run.newIds }));
    this.known.set(key, found);
    found.catch(() => this.known.delete(key)); // asked again it may be there
    return found;
  }
}

/** @param {Promise<any>} asked @returns {Promise<any>} @throws {SourceError} */
async function answered(asked) {
  const answer = await asked;
  if (answer.failed) throw new SourceError(answer.failed, answer.detail);
  return answer;
}

/** Where each token's character begins; the last entry is the length of the text. @param {Token[]} tokens */
function offsets(tokens) {
  const places = new Float64Array(tokens.length + 1);
  let offset = 0;
  for (const { from, to, text } of characters(tokens)) {
    for (let at = from; at < to; at++) places[at] = offset;
    offset += text.length;
  }
  places[tokens.length] = offset;
  return places;
}

/** The first token at or after an offset. @param {Float64Array} places @param {number} offset */
function placeOf(places, offset) {
  let [low, high] = [0, places.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
