/** The pure parts of a look inside: what settings do to candidates, windows, what is remembered, a run, a branch. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { branchTree } from "../src/page/manuscript/branches.js";
import { lastRun } from "../src/page/manuscript/run.js";
import { wholeText } from "../src/page/manuscript/tree.js";
import * as states from "../src/page/state.js";
import { place, windowStart } from "../src/runtime/inspection/answers.js";
import { attentionOf, splitHeads } from "../src/runtime/inspection/attention.js";
import { Remembered } from "../src/runtime/inspection/remembered.js";
import { draw, penaliseRepetition } from "../src/runtime/writing/sampler.js";
import { Writer } from "../src/runtime/writing/writer.js";
import { distribution } from "../src/views/distribution.js";
import { parameters } from "../src/views/parameters.js";
import { STRINGS } from "../src/views/strings.js";
import { headOf, parseRanges, patternOf } from "../src/views/summary.js";
import { STEPS, stepOf } from "../src/views/surprise_view.js";
import { SITE } from "./helpers.js";
import { normal } from "./kernel_setup.js";
import { random, writeAll } from "./visitor.js";

/** Candidates as a source gives them. */
function candidatesOf(logits, count, all = true) {
  const ids = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b).slice(0, count);
  const logSumExp = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
  const listed = { ids, texts: ids.map((id) => `t${id}`), logits: ids.map((id) => logits[id]), logSumExp };
  return all ? { ...listed, all: logits } : listed;
}

test("the scale takes what the sampler takes, whatever the settings, and shares add up to 1", () => {
  const chance = random(5);
  for (let round = 0; round < 400; round++) {
    const logits = normal(60, 3, round + 1);
    if (round % 3 === 0) logits.fill(logits[7], 20, 30); // ties
    const settings = {
      temperature: round % 7 === 0 ? 0 : 0.1 + 2 * chance(),
      topK: [0, 1, 5, 40, 200][round % 5],
      topP: [1, 0.9, 0.5, 0.05][round % 4],
      repetitionPenalty: round % 2 ? 1 : 1.4,
    };
    const seen = [3, 3, 9, 20 + (round % 10)];
    const number = chance();
    const penalised = logits.slice();
    penaliseRepetition(penalised, seen, settings.repetitionPenalty);
    const found = distribution(candidatesOf(logits, 50), settings, seen, number, 60);
    assert.equal(found.taken.id, draw(penalised, number, settings), JSON.stringify(settings));
    assert.ok(found.taken.from <= number + 1e-6 && number <= found.taken.to + 1e-6);
    const total = distribution(candidatesOf(logits, 60), settings, seen, number, 60).rows;
    assert.ok(Math.abs(total.reduce((sum, { after }) => sum + after, 0) - 1) < 1e-5);
    assert.ok(Math.abs(total.reduce((sum, { before }) => sum + before, 0) - 1) < 1e-5);
    for (const { after, cut } of total) if (cut) assert.equal(after, 0, cut);
    const all = distribution(candidatesOf(logits, 60), settings, seen, number, 60);
    assert.equal(all.rows.filter(({ cut }) => !cut).length, all.kept);
  }
});

test("what cuts a candidate is named", () => {
  const candidates = candidatesOf(Float32Array.of(4, 3, 2, 1, 0), 5);
  const cuts = (settings) =>
    distribution(candidates, { temperature: 1, topK: 0, topP: 1, ...settings }, [], null).rows;
  assert.deepEqual(
    cuts({ topK: 3 }).map(({ cut }) => cut),
    ["", "", "", "topK", "topK"],
  );
  assert.deepEqual(
    cuts({ topP: 0.5 }).map(({ cut }) => cut),
    ["", "topP", "topP", "topP", "topP"],
  );
  assert.deepEqual(
    cuts({ temperature: 0 }).map(({ cut }) => cut),
    ["", ...Array(4).fill("temperature")],
  );
  assert.equal(cuts({ temperature: 0 })[0].after, 1);
});

test("where only the likeliest are known, the same comes out as long as it can, and else is said not to be exact", () => {
  const logits = normal(60, 3, 9);
  const settings = { temperature: 0.8, topK: 10, topP: 0.9 };
  const whole = distribution(candidatesOf(logits, 10), settings, [], 0.4);
  const listed = distribution(candidatesOf(logits, 10, false), settings, [], 0.4);
  assert.deepEqual(listed, whole);
  assert.equal(listed.exact, true);
  assert.equal(distribution(candidatesOf(logits, 10, false), { ...settings, topK: 0 }, [], 0.4).exact, false);
});

test("attention is the softmax of scaled products, causal, and heads are split as they lie", () => {
  const [count, heads, depth] = [7, 2, 3];
  const projections = normal(count * 3 * heads * depth, 1, 4);
  const weights = attentionOf(projections, count, heads);
  const queries = splitHeads(projections, 0, count, heads);
  const keys = splitHeads(projections, 1, count, heads);
  assert.equal(splitHeads(projections, 2, count, heads)[1], projections[2 * heads * depth + 1]);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < count; row++) {
      const own = headOf(weights, head, count).subarray(row * count, (row + 1) * count);
      const scores = Array.from({ length: row + 1 }, (_, key) => {
        let sum = 0;
        for (let i = 0; i < depth; i++)
          sum += queries[(head * count + row) * depth + i] * keys[(head * count + key) * depth + i];
        return Math.exp(sum / Math.sqrt(depth));
      });
      const total = scores.reduce((a, b) => a + b, 0);
      for (let key = 0; key < count; key++)
        assert.ok(Math.abs(own[key] - (key <= row ? scores[key] / total : 0)) < 1e-6);
    }
  }
});

test("the window that a token was written in is the writer's", async () => {
  const seen = [];
  const decoder = {
    length: 0,
    reset() {
      this.length = 0;
      seen.length = 0;
    },
    async encode(ids) {
      seen.push(...ids);
      this.length += ids.length;
      return Float32Array.of(0, 1, 0);
    },
  };
  for (const [prompt, context] of [
    [3, 8],
    [8, 8],
    [12, 8],
    [1, 1],
    [5, 7],
  ]) {
    const writer = new Writer(decoder, context, 99);
    const ids = Array.from({ length: prompt }, () => 2);
    const { snapshot } = writer.start(ids);
    const settings = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, maxNewTokens: 1, seed: 0 };
    let start = snapshot;
    for (let count = 0; count < 40; count++) {
      const { snapshot: next } = await writer.write(
        start,
        settings,
        0,
        async () => false,
        () => {},
      );
      assert.equal(
        seen.length,
        prompt + count - windowStart(prompt, prompt + count, context),
        `${prompt} ${context} ${count}`,
      );
      start = next;
    }
  }
  assert.equal(windowStart(20, 5, 8), 0);
  assert.equal(windowStart(20, 15, 8), 7);
});

test("rank and probability of a token; the lower id first among equals", () => {
  const logits = Float32Array.of(1, 3, 3, 2);
  assert.deepEqual(
    [0, 1, 2, 3].map((id) => place(logits, id).rank),
    [4, 1, 2, 3],
  );
  const total = [0, 1, 2, 3].reduce((sum, id) => sum + Math.exp(place(logits, id).logProbability), 0);
  assert.ok(Math.abs(total - 1) < 1e-6);
});

test("states are remembered for what was encoded, the longest once, and no more than there is room for", () => {
  const remembered = new Remembered();
  const states_ = (ids) => Float32Array.from(ids.flatMap((id) => [id, id + 0.5]));
  remembered.keep([1, 2], states_([1, 2]));
  remembered.keep([1, 2, 3], states_([1, 2, 3]));
  remembered.keep([1, 2], states_([1, 2]));
  assert.equal(remembered.texts.length, 1);
  assert.deepEqual([...remembered.find([1, 2])], [2, 2.5]);
  assert.equal(remembered.find([1, 3]), null);
  assert.equal(remembered.find([1, 2, 3, 4]), null);
  for (let text = 0; text < 40; text++) remembered.keep([5, text], states_([5, text]));
  assert.ok(remembered.texts.length <= 16);
  assert.deepEqual([...remembered.find([5, 39])], [39, 39.5]);
});

test("what was written can be asked about without being read again, also after another text", async () => {
  let encoded = 0;
  const kept = [];
  const decoder = {
    length: 0,
    reset() {
      this.length = 0;
    },
    async encode(ids) {
      encoded += ids.length;
      for (const id of ids) kept[this.length++] = id;
      return Float32Array.of(0, 1, 0);
    },
    states: (count) => Float32Array.from(kept.slice(0, count)), // of width 1
  };
  const writer = new Writer(decoder, 40, 0);
  const settings = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, maxNewTokens: 6, seed: 0 };
  const written = async (ids) => {
    const { snapshot } = writer.start(ids);
    await writer.write(
      snapshot,
      settings,
      0,
      async () => false,
      () => {},
    );
  };
  await written([7, 8]);
  assert.deepEqual([...writer.stateAfter([7, 8, 1])], [1]);
  await written([9]);
  const before = encoded;
  assert.deepEqual([...writer.stateAfter([7, 8])], [8]);
  assert.deepEqual([...writer.stateAfter([9, 1, 1])], [1]);
  assert.equal(writer.stateAfter([8]), null);
  assert.equal(encoded, before);
});

test("a head in a word, and which layers someone means", () => {
  const tokens = [..."却说曹操说曹操"].map((text, id) => ({
    id: "却说曹操".indexOf(text) + (id > 9 ? 9 : 0),
    text,
    bytes: false,
  }));
  const count = tokens.length;
  const of = (where) => {
    const weights = new Float32Array(count * count);
    for (let row = 0; row < count; row++) weights[row * count + where(row)] = 1;
    return patternOf(weights, tokens).pattern;
  };
  assert.equal(
    of((row) => Math.max(0, row - 1)),
    "before",
  );
  assert.equal(
    of((row) => row),
    "self",
  );
  assert.equal(
    of(() => 0),
    "first",
  );
  const even = new Float32Array(400);
  for (let row = 0; row < 20; row++) even.fill(1 / (row + 1), row * 20, row * 20 + row + 1);
  assert.equal(
    patternOf(
      even,
      Array.from({ length: 20 }, (_, id) => ({ id, text: "字", bytes: false })),
    ).pattern,
    "spread",
  );
  assert.deepEqual(parseRanges("1-3, 5", 6), [0, 1, 2, 4]);
  assert.deepEqual(parseRanges("9", 3), [0, 1, 2]);
  assert.deepEqual(parseRanges("", 2), [0, 1]);
});

test("the scale of surprise covers every probability, and parameters add up to GPT-2's", () => {
  assert.deepEqual([1, 0.5, 0.49, 0.05, 0.005, 1e-9, 0].map(stepOf), [0, 0, 1, 2, 3, 4, 4]);
  assert.equal(STEPS.at(-1), 0);
  const gpt2 = { layers: 12, width: 768, vocabulary: 50257, context: 1024 };
  assert.equal(
    parameters(gpt2).reduce((sum, { count }) => sum + count, 0),
    124_439_808,
  );
  const head = parameters({ ...gpt2, tied: false }).at(-1);
  assert.deepEqual([head?.name, head?.count], ["lm_head", 50257 * 768]);
});

const start = (settings = {}) => {
  const state = states.takeSite(states.initialState("zh"), SITE);
  const more = { versions: 1, maxNewTokens: 5, ...settings };
  return { ...state, phase: "ready", ready: { model: "one" }, settings: { ...state.settings, ...more } };
};

test("the run of a text: its prompt, its tokens, and what each was drawn with", () => {
  let state = writeAll(states.newVersions(start(), "却说", 7));
  state = writeAll(
    states.continueVersions({ ...state, settings: { ...state.settings, temperature: 0.5 } }, [0], 9),
  );
  const [tip] = state.manuscript.tips;
  const run = lastRun(state.manuscript, tip, "one");
  assert.equal(run.prompt, "却说");
  assert.equal(run.newIds.length, 10);
  assert.deepEqual(
    run.draws.map(({ upTo, made }) => [upTo, made.temperature, made.seed]),
    [
      [5, 0.9, 7],
      [10, 0.5, 7],
    ],
  );
  const whole = wholeText(state.manuscript, tip);
  assert.deepEqual(lastRun(state.manuscript, tip, "two"), { prompt: whole, newIds: [], draws: [] });
  const edited = states.editVersion(state, 0, `${whole}。`);
  assert.deepEqual(lastRun(edited.manuscript, edited.manuscript.tips[0], "one").newIds, []);
  // After a branch the part before it is text like any other.
  const branched = writeAll(states.branchAt(state, 0, 4, "玄", 8));
  const other = lastRun(branched.manuscript, branched.manuscript.tips[1], "one");
  assert.equal(other.prompt, `${whole.slice(0, 4)}玄`);
});

test("a branch at a candidate stands beside its text, grows from where it was written, and can be undone", () => {
  let state = writeAll(states.newVersions(start(), "却说", 7));
  state = writeAll(states.continueVersions(state, [0], 9));
  const [first] = state.manuscript.tips.map((tip) => wholeText(state.manuscript, tip));
  const at = 3;
  const branched = writeAll(states.branchAt(state, 0, at, "玄", 8));
  const { manuscript } = branched;
  const texts = manuscript.tips.map((tip) => wholeText(manuscript, tip));
  assert.equal(texts[0], first);
  assert.ok(texts[1].startsWith(`${first.slice(0, at)}玄`) && texts[1] !== first);
  const [root] = branchTree(manuscript, 100);
  assert.equal(root.text, `却说${manuscript.passages[1].text}`);
  assert.equal(root.branches.length, 2); // what went on, and what was chosen instead
  assert.deepEqual(states.undo(branched).manuscript.tips, state.manuscript.tips);
  const [latest] = branchTree(manuscript, 1); // without the older end, but with what the branch left behind
  assert.deepEqual([latest.place, latest.branches.length], [1, 1]);
});

test("both languages have the same sentences with the same blanks, and every view has a name", () => {
  const names = (sentence) => new Set([...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  assert.deepEqual(Object.keys(STRINGS.en), Object.keys(STRINGS.zh));
  for (const key of Object.keys(STRINGS.zh)) assert.deepEqual(names(STRINGS.en[key]), names(STRINGS.zh[key]), key);
});
