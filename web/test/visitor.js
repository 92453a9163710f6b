/** A visitor who presses what can be pressed, and a model that writes by rule: for tests of the manuscript. */

import { abilities } from "../src/page/abilities.js";
import { isEmpty, leaves, wholeText } from "../src/page/manuscript/tree.js";
import * as states from "../src/page/state.js";

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LETTERS = ["甲", "乙", "🐉", "\n", "e\u0301", "", "ا", "w"];

/** The token that follows: a function of everything that may decide it. */
function tokenAfter(window, made, position) {
  let hash = 17;
  for (const id of window) hash = (Math.imul(hash, 31) + id) >>> 0;
  for (const value of [made.seed, made.sample, position, Math.round(made.temperature * 100), made.topK]) {
    hash = (Math.imul(hash ^ value, 2_654_435_761) + value) >>> 0;
  }
  return 1 + ((hash >>> 9) % LETTERS.length);
}

const idsOf = (text) => [...text].map((character) => 100 + character.codePointAt(0));
export const textOf = (ids) => ids.map((id) => LETTERS[id - 1]).join("");

/** A run of the model, as the worker would answer it: its token messages and what ends it. */
export function answer(message, stopAfter = Number.POSITIVE_INFINITY) {
  const start = message.resume ?? { window: idsOf(message.prompt), newIds: [] };
  const { window, newIds } = structuredClone(start);
  const tokens = [];
  for (let count = 0; count < Math.min(message.settings.maxNewTokens, stopAfter); count++) {
    const id = tokenAfter(window, { ...message.settings, sample: message.sample }, newIds.length);
    window.push(id);
    newIds.push(id);
    tokens.push({ type: "token", id: message.id, text: LETTERS[id - 1], count: 1, milliseconds: 5 });
  }
  const finish = stopAfter < message.settings.maxNewTokens ? "stopped" : "length";
  return {
    tokens,
    done: { type: "done", id: message.id, text: textOf(newIds), finish, snapshot: { window, newIds } },
  };
}

/** Writes all that waits; the last run may be stopped or broken off. */
export function writeAll(state, { stopAfter, breakOff = false } = {}) {
  let now = states.startNext(state);
  while (now.running) {
    const { tokens, done } = answer(states.runMessage(now), stopAfter);
    for (const token of tokens) now = states.takeToken(now, token);
    now = breakOff ? states.abandonRun(now) : states.startNext(states.takeDone(now, done));
  }
  return now;
}

/** All texts that can be reached: those of every branch's end, and of every passage on the way. */
export function reachable({ manuscript }) {
  return new Set(manuscript.passages.map((_, place) => wholeText(manuscript, place)));
}

/** One press, chosen by chance. */
export function press(state, chance) {
  const able = abilities(state);
  const { manuscript } = state;
  const pick = (list) => list[Math.floor(chance() * list.length)];
  const seed = Math.floor(chance() * 2 ** 32);
  const columns = [...manuscript.tips.keys()];
  const column = pick(columns);
  const how = pick([{}, {}, {}, { stopAfter: Math.floor(chance() * 4) }, { stopAfter: 2, breakOff: true }]);
  const presses = [];
  if (able.canWrite) presses.push(() => writeAll(states.newVersions(state, pick(["却说", "", "次日"]), seed), how));
  if (able.canContinue) {
    presses.push(() => writeAll(states.continueVersions(state, columns, seed), how));
    presses.push(() => writeAll(states.continueVersions(state, [column], seed), how));
    presses.push(() => writeAll(states.branchVersion(state, column, seed), how));
  }
  if (able.canUndo) presses.push(() => states.undo(state));
  if (able.canRedo) presses.push(() => states.redo(state));
  if (column !== undefined) {
    const whole = wholeText(manuscript, manuscript.tips[column]);
    const at = Math.floor(chance() * (whole.length + 1));
    presses.push(() =>
      states.editVersion(state, column, `${whole.slice(0, at)}改${whole.slice(at + 1)}`, chance() < 0.5),
    );
    presses.push(() => states.editVersion(state, column, whole.slice(0, at)));
    presses.push(() => states.choose(state, [pick(leaves(manuscript))]));
    presses.push(() => states.choose(state, [manuscript.tips[column]]));
  }
  presses.push(() => ({ ...state, settings: { ...state.settings, versions: 1 + Math.floor(chance() * 3) } }));
  presses.push(() => ({ ...state, settings: { ...state.settings, maxNewTokens: 1 + Math.floor(chance() * 6) } }));
  presses.push(() => ({ ...state, settings: { ...state.settings, temperature: Math.floor(chance() * 3) / 2 } }));
  presses.push(() => ({ ...state, ready: { ...state.ready, model: pick(["one", "one", "two"]) } }));
  presses.push(() => ({ ...state, manuscript: JSON.parse(JSON.stringify(manuscript)) })); // kept, and read again
  return pick(presses)();
}

export const hasText = ({ manuscript }) => manuscript.tips.some((tip) => !isEmpty(manuscript.passages[tip]));
