/**
 * What a link carries: the steps that make the texts that are shown, exact to the token, the texts themselves where
 * there is room, and which model wrote them. Where the steps are too long, the text alone.
 *
 * Steps, by their first entry, with the place among the steps of the one before each:
 *   ["o", text]                                                an opening
 *   ["e", before, at, removed, text]                           a person's change
 *   ["w", before, settings, seed, sample, tokens, resumed]     what the model wrote; `settings` is a place in `s`
 */

import { FIELDS, limit } from "../settings.js";
import { pack, unpack } from "./packing.js";
import { ownLength, path, wholeText } from "./tree.js";

/**
 * @typedef {import("./tree.js").Manuscript} Manuscript
 * @typedef {import("./tree.js").Made} Made
 * @typedef {["o", string] | ["e", number, number, number, string] |
 *   ["w", number, number, number, number, number, 0 | 1]} Step
 *
 * @typedef {object} Shared
 * @property {string} model First characters of the model's hash; empty when the steps need none.
 * @property {{temperature: number, topK: number, topP: number, repetitionPenalty: number, avoidCopying: number}[]} settings
 * @property {{maxNewTokens: number, finishSentence: boolean} | null} next For going on.
 * @property {Step[]} steps
 * @property {number[]} tips Places among the steps.
 * @property {number[]} sums Of the texts, to see whether they came out.
 * @property {string[]} texts Empty when they are not carried along.
 */

export const KEY = "w";
/** Addresses beyond some 8,000 characters get lost in messengers. */
export const MAX_LINK = 6000;
const MAX_STEPS = 400;
const MAX_TIPS = 12;
const MAX_TOKENS = 100_000;
const MAX_TEXT = 1_000_000;
const MODEL_CHARACTERS = 16;
const NUMBERS = /** @type {const} */ (["temperature", "topK", "topP", "repetitionPenalty", "avoidCopying"]);
// Links have so many of them at least: from before there were more, and where the others are 0.
const FIRST_NUMBERS = 4;

/** Whether a hash is that of the model a link names. @param {string} hash @param {string} named */
export const isModel = (hash, named) => hash.slice(0, MODEL_CHARACTERS) === named;

/**
 * @param {Manuscript} manuscript
 * @param {number[]} tips Which texts to share, the most important first.
 * @param {number} [room] Characters that the link may have.
 * @returns {Promise<{fragment: string, carries: "all" | "some" | "text" | "end"}>} The link's part from "#" on, which
 *   browsers never send to a server; "some" has only the first texts, "text" no steps, "end" only the last of the text.
 */
export async function makeLink(manuscript, tips, room = MAX_LINK) {
  for (let count = tips.length; count > 0; count--) {
    const shared = share(manuscript, tips.slice(0, count));
    const texts = tips.slice(0, count).map((tip) => wholeText(manuscript, tip));
    const carries = count < tips.length ? "some" : "all";
    for (const carried of [texts, []]) {
      const fragment = await asFragment({ ...shared, texts: carried });
      if (fragment.length <= room) return { fragment, carries };
    }
  }
  const whole = wholeText(manuscript, tips[0]);
  for (let text = whole; ; text = lastPart(text)) {
    const shared = { model: "", settings: [], next: null, steps: [], tips: [0], sums: [checksum(text)], texts: [] };
    const fragment = await asFragment({ ...shared, steps: [["o", text]] });
    if (fragment.length <= room) return { fragment, carries: text === whole ? "text" : "end" };
  }
}

/** @param {string} text Not empty. */
function lastPart(text) {
  const characters = [...text];
  return characters.slice(Math.ceil(characters.length / 4)).join("");
}

/** @param {Manuscript} manuscript @param {number[]} tips @returns {Shared} */
function share(manuscript, tips) {
  const { passages } = manuscript;
  const makers = tips.flatMap((tip) => path(manuscript, tip).map((place) => passages[place].made));
  const last = makers.findLast((made) => made !== null) ?? null;
  const model = last?.model ?? "";
  /** @type {Map<number, number>} */
  const placeOf = new Map();
  /** @type {string[]} */
  const settings = [];
  /** @type {Step[]} */
  const steps = [];
  for (const place of tips.flatMap((tip) => path(manuscript, tip))) {
    if (placeOf.has(place)) continue;
    const { kind, parent, at, removed, text, made } = passages[place];
    const before = parent === null ? 0 : (placeOf.get(parent) ?? 0);
    placeOf.set(place, steps.length);
    const tokens = ownLength(manuscript, place);
    if (kind === "opening") steps.push(["o", text]);
    // What another model wrote cannot be written again by this one.
    else if (!made?.model || made.model !== model || tokens <= 0) steps.push(["e", before, at, removed, text]);
    else {
      const used = JSON.stringify(NUMBERS.map((name) => made[name] ?? 0));
      if (!settings.includes(used)) settings.push(used);
      const resumed = made.resumed ? 1 : 0;
      steps.push(["w", before, settings.indexOf(used), made.seed, made.sample, tokens, resumed]);
    }
  }
  return {
    model: steps.some(([kind]) => kind === "w") ? model.slice(0, MODEL_CHARACTERS) : "",
    settings: settings.map((used) => named(JSON.parse(used))),
    next: last && { maxNewTokens: last.maxNewTokens, finishSentence: last.finishSentence },
    steps,
    tips: tips.map((tip) => /** @type {number} */ (placeOf.get(tip))),
    sums: tips.map((tip) => checksum(wholeText(manuscript, tip))),
    texts: [],
  };
}

/** @param {number[]} values @returns {any} */
const named = (values) => Object.fromEntries(NUMBERS.map((name, place) => [name, values[place] ?? 0]));

async function asFragment(/** @type {Shared} */ { model, settings, next, steps, tips, sums, texts }) {
  const content = {
    m: model,
    s: settings.map((used) =>
      NUMBERS.slice(0, used.avoidCopying ? NUMBERS.length : FIRST_NUMBERS).map((name) => used[name]),
    ),
    n: next && [next.maxNewTokens, next.finishSentence ? 1 : 0],
    p: steps,
    t: tips,
    c: sums,
    ...(texts.length ? { x: texts } : {}),
  };
  return `#${KEY}=${await pack(content)}`;
}

/** Of a text, by its UTF-16 units (FNV-1a). @param {string} text */
export function checksum(text) {
  let sum = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return sum;
}

/** @param {string} fragment With or without "#". */
export const isLink = (fragment) => new RegExp(`^#?${KEY}=`).test(fragment);

/**
 * Reads a link that anyone may have made.
 *
 * @param {string} fragment
 * @returns {Promise<Shared | null>} Null when anything in it is not as `makeLink` makes it.
 */
export async function readLink(fragment) {
  try {
    return checked(await unpack(fragment.replace(/^#?\w+=/, "")));
  } catch {
    return null;
  }
}

class Damaged extends Error {}

function need(/** @type {boolean} */ right) {
  if (!right) throw new Damaged();
}

const isCount = (/** @type {any} */ value, most = MAX_TEXT) =>
  Number.isSafeInteger(value) && value >= 0 && value <= most;
const isText = (/** @type {any} */ value) => typeof value === "string" && value.length <= MAX_TEXT;
const isList = (/** @type {any} */ value, /** @type {number} */ most) =>
  Array.isArray(value) && value.length <= most;

/** @param {any} content @returns {Shared} */
function checked({ m, s, n, p, t, c, x = [] }) {
  need(isText(m) && /^[0-9a-f]{0,16}$/.test(m) && isList(s, MAX_STEPS) && isList(p, MAX_STEPS) && p.length > 0);
  need(isList(t, MAX_TIPS) && t.length > 0 && t.every((/** @type {any} */ tip) => isCount(tip, p.length - 1)));
  need(
    isList(c, MAX_TIPS) && c.length === t.length && c.every((/** @type {any} */ sum) => isCount(sum, 2 ** 32 - 1)),
  );
  need(isList(x, MAX_TIPS) && (x.length === 0 || x.length === t.length) && x.every(isText));
  const settings = s.map((/** @type {any} */ values) => {
    need(isList(values, NUMBERS.length) && values.length >= FIRST_NUMBERS && values.every(Number.isFinite));
    const used = named(values);
    for (const name of NUMBERS) need(limit(field(name), used[name]) === used[name]);
    return used;
  });
  p.forEach((/** @type {any} */ step, /** @type {number} */ place) => {
    need(isStep(step, place, settings.length) && (m !== "" || step[0] !== "w"));
  });
  return { model: m, settings, next: readNext(n), steps: p, tips: t, sums: c, texts: x };
}

const field = (/** @type {string} */ name) =>
  /** @type {typeof FIELDS[number]} */ (FIELDS.find((one) => one.name === name));

function readNext(/** @type {any} */ n) {
  if (n === null || n === undefined) return null;
  need(isList(n, 2) && isCount(n[0]) && isCount(n[1], 1));
  return { maxNewTokens: limit(field("maxNewTokens"), n[0]), finishSentence: n[1] === 1 };
}

function isStep(/** @type {any} */ step, /** @type {number} */ place, /** @type {number} */ settings) {
  if (!isList(step, 7)) return false;
  const [kind, before, ...rest] = step;
  if (kind === "o") return step.length === 2 && isText(before);
  if (!isCount(before, place - 1)) return false;
  if (kind === "e") return step.length === 5 && isCount(rest[0]) && isCount(rest[1]) && isText(rest[2]);
  const [used, seed, sample, tokens, resumed] = rest;
  return (
    kind === "w" &&
    step.length === 7 &&
    isCount(used, settings - 1) &&
    isCount(seed, 2 ** 32 - 1) &&
    isCount(sample, 10_000) &&
    isCount(tokens, MAX_TOKENS) &&
    tokens > 0 &&
    isCount(resumed, 1)
  );
}
