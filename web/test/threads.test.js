import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ModelClient } from "../src/module/model_client.js";
import { readThreads } from "../src/page/settings.js";
import { rowStride, Step } from "../src/runtime/int8/step.js";
import { Meeting, WORDS } from "../src/runtime/threads/meeting.js";
import { observe } from "./fake_worker.js";

afterEach(() => {
  delete globalThis.crossOriginIsolated;
});

const PLAN = {
  width: 20,
  inner: 50,
  heads: 5,
  contextLength: 9,
  epsilon: 1e-5,
  layers: [
    {
      norm1: { weight: 1, bias: 2 },
      qkv: { tiles: 3, scales: 4, bias: 5, inputs: 20, outputs: 60 },
      project: { tiles: 6, scales: 7, bias: 8, inputs: 20, outputs: 20 },
      norm2: { weight: 9, bias: 10 },
      expand: { tiles: 11, scales: 12, bias: 13, inputs: 20, outputs: 50 },
      contract: { tiles: 14, scales: 15, bias: 16, inputs: 50, outputs: 20 },
      keys: 17,
      values: 18,
    },
  ],
  finalNorm: { weight: 19, bias: 20 },
  head: { tiles: 21, scales: 22, bias: 0, inputs: 20, outputs: 1000 },
  x: 10_000,
  wide: 20_000,
  narrow: 30_000,
  rounded: 40_000,
  roundedScales: 50_000,
  scratch: [60_000, 61_000, 62_000],
};

/** The calls of every thread between its meetings: calls[thread][phase] = [[kernel, ...values], ...]. */
function run(threads, n, position, logits) {
  return Array.from({ length: threads }, (_, thread) => {
    const phases = [[]];
    const note =
      (name) =>
      (...values) =>
        phases.at(-1).push([name, ...values]);
    const functions = Object.fromEntries(
      ["layerNorm", "quantise", "multiply", "attend", "gelu"].map((name) => [name, note(name)]),
    );
    new Step(functions, PLAN, thread, threads, () => phases.push([])).run(n, position, logits);
    return phases;
  });
}

/** What is worked on in a phase by any thread, in order: tiles, heads or rows; each must be there once. */
function covered(calls, phase, name, first, end) {
  const ranges = calls.flatMap((phases) => phases[phase].filter(([kernel]) => kernel === name));
  return ranges.flatMap((values) =>
    Array.from({ length: end(values) - first(values) }, (_, index) => first(values) + index),
  );
}

for (const threads of [1, 2, 3]) {
  test(`${threads} threads meet equally often and share every kernel out whole`, () => {
    const n = 7;
    const calls = run(threads, n, 2, 70_000);
    for (const phases of calls) assert.equal(phases.length, 12);
    const upTo = (count) => Array.from({ length: count }, (_, index) => index);
    for (const [phase, outputs] of [
      [1, 60],
      [4, 20],
      [6, 50],
      [8, 20],
      [10, 1000],
    ]) {
      const tiles = covered(
        calls,
        phase,
        "multiply",
        (call) => call[12],
        (call) => call[13],
      );
      assert.deepEqual(tiles, upTo(Math.ceil(outputs / 32)));
    }
    assert.deepEqual(
      covered(
        calls,
        2,
        "attend",
        (call) => call[10],
        (call) => call[11],
      ),
      upTo(5),
    );
    const normed = (call) => (call[1] - PLAN.x) / (4 * PLAN.width);
    for (const phase of [0, 5]) {
      assert.deepEqual(
        covered(calls, phase, "layerNorm", normed, (call) => normed(call) + call[5]),
        upTo(n),
      );
    }
    const active = (call) => (call[1] - PLAN.wide) / (4 * PLAN.inner);
    assert.deepEqual(
      covered(calls, 7, "gelu", active, (call) => active(call) + call[3] / PLAN.inner),
      upTo(n),
    );
    const row = (call) => (call[3] - PLAN.roundedScales) / 4;
    for (const phase of [0, 3, 5, 7]) {
      assert.deepEqual(
        covered(calls, phase, "quantise", row, (call) => row(call) + call[4]),
        upTo(n),
      );
    }
  });
}

test("threads do not write to each other's scratch, and logits are computed only when wanted", () => {
  const calls = run(3, 4, 0, 0);
  assert.deepEqual(
    calls.map((phases) => phases[2][0][5]),
    PLAN.scratch,
  );
  assert.equal(calls[0].length, 10);
  assert.deepEqual([rowStride(8), rowStride(9)], [8, 16]);
});

test("a meeting ends when the last one comes, and a task is told from the one before", () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  const alone = new Meeting(words, 1);
  alone.meet();
  alone.meet();
  alone.start();
  assert.equal(alone.awaitTask(0), 1);
  const pair = new Meeting(words, 2);
  Atomics.add(words, 0, 1); // the other one waits already
  pair.meet();
  assert.deepEqual([...words.slice(0, 3)], [0, 3, 1]);
});

test("threads come first on an isolated page only, and not when the address asks for one", () => {
  const first = (threads, forced = null) => {
    const { client } = observe(ModelClient, forced, threads);
    client.load();
    return client.backend;
  };
  assert.equal(first(null), "kernels");
  globalThis.crossOriginIsolated = true;
  assert.equal(first(null), "threads");
  assert.equal(first(3), "threads");
  assert.equal(first(1), "kernels");
  assert.equal(first(null, "webgl"), "webgl");
});

test("the number of threads in the address", () => {
  const read = (search) => readThreads(new URLSearchParams(search));
  assert.deepEqual(
    ["threads=2", "threads=16", "", "threads=", "threads=0", "threads=-1", "threads=2.5", "threads=100"].map(read),
    [2, 16, null, null, null, null, null, null],
  );
});
