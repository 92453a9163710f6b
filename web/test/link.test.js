import assert from "node:assert/strict";
import { test } from "node:test";
import { wrongManuscript } from "../src/page/manuscript/check.js";
import { checksum, isLink, makeLink, readLink } from "../src/page/manuscript/link.js";
import { pack, unpack } from "../src/page/manuscript/packing.js";
import { advance, cameOut, startReplay, takeTexts } from "../src/page/manuscript/replay.js";
import { newManuscript, wholeText } from "../src/page/manuscript/tree.js";
import * as states from "../src/page/state.js";
import { SITE } from "./helpers.js";
import { answer, hasText, press, random, writeAll } from "./visitor.js";

const MODEL = "0123456789abcdef0123";
const start = (settings = {}) => {
  const state = states.takeSite(states.initialState("zh"), SITE);
  const ready = { model: MODEL };
  return {
    ...state,
    phase: "ready",
    ready,
    settings: { ...state.settings, versions: 1, maxNewTokens: 5, ...settings },
  };
};
const shown = ({ tips, passages }) => tips.map((tip) => wholeText({ passages }, tip));

/** What another visitor gets from a link. */
async function reproduce(fragment) {
  const shared = await readLink(fragment);
  let state = { ...start(), manuscript: newManuscript("new", 0) };
  let replay = startReplay(shared, MODEL);
  while (replay) {
    const step = advance(state.manuscript, replay);
    assert.equal(wrongManuscript(step.manuscript), "");
    replay = step.replay;
    state = { ...state, manuscript: step.manuscript };
    if (!step.waiting.length) continue;
    state = states.startNext({ ...state, queue: step.waiting });
    state = states.takeDone(state, answer(states.runMessage(state)).done);
  }
  assert.ok(cameOut(state.manuscript, shared));
  return state.manuscript;
}

test("versions, Continue with other settings, an edit and a branch come out of the link to the character", async () => {
  let state = writeAll(states.newVersions(start({ versions: 3, temperature: 0.5 }), "却说\ufffd<b>", 7));
  state = writeAll(states.continueVersions(state, [0, 1, 2], 8));
  state = { ...state, settings: { ...state.settings, temperature: 1.5, maxNewTokens: 3 } };
  state = writeAll(states.continueVersions(state, [0, 1, 2], 8), { stopAfter: 2 });
  state = states.editVersion(state, 1, wholeText(state.manuscript, state.manuscript.tips[1]).replace(/.$/su, "🐉"));
  state = writeAll(states.continueVersions(state, [0, 1, 2], 9));
  state = writeAll(states.branchVersion(state, 0, 10));
  const { manuscript } = state;
  assert.equal(manuscript.tips.length, 4);
  for (const tips of [...manuscript.tips.map((tip) => [tip]), manuscript.tips]) {
    const { fragment, carries } = await makeLink(manuscript, tips);
    assert.equal(carries, "all");
    assert.match(fragment, /^#w=1[\w-]+$/);
    assert.deepEqual(shown(await reproduce(fragment)), shown({ ...manuscript, tips }));
  }
});

test("whatever a visitor did comes out of the link", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const chance = random(seed);
    let state = start();
    for (let step = 0; step < 15; step++) state = press({ ...state, ready: { model: MODEL } }, chance);
    const { manuscript } = state;
    if (!hasText(state)) continue;
    const tips = manuscript.tips.slice(0, 12);
    const { fragment } = await makeLink(manuscript, tips);
    const again = await reproduce(fragment);
    assert.deepEqual(shown(again), shown({ ...manuscript, tips }), `seed ${seed}`);
    const second = await makeLink(again, again.tips);
    assert.deepEqual(shown(await reproduce(second.fragment)), shown(again)); // and can be passed on
  }
});

test("what does not fit: fewer texts, then the text without its steps, then the end of it", async () => {
  const state = writeAll(states.newVersions(start({ versions: 2, maxNewTokens: 60 }), "却说", 7));
  const { manuscript } = state;
  const full = (await makeLink(manuscript, manuscript.tips)).fragment;
  assert.equal((await readLink(full)).texts.length, 2);
  const short = await makeLink(manuscript, manuscript.tips, full.length - 1);
  assert.equal(short.carries, "all");
  assert.equal((await readLink(short.fragment)).texts.length, 0);
  const one = await makeLink(manuscript, manuscript.tips, short.fragment.length - 1);
  assert.equal(one.carries, "some");
  const noise = random(3);
  const wild = String.fromCodePoint(...Array.from({ length: 400 }, () => 0x4e00 + Math.floor(noise() * 20_000)));
  const long = writeAll(states.newVersions(start(), wild, 7)).manuscript;
  const end = await makeLink(long, long.tips, 600);
  assert.equal(end.carries, "end");
  const [text] = shown(await reproduce(end.fragment));
  assert.ok(text && wholeText(long, long.tips[0]).endsWith(text));
  const edited = states.editVersion({ ...start(), manuscript: long }, 0, "改".repeat(30)).manuscript;
  const alone = await makeLink(edited, edited.tips, 600);
  assert.deepEqual([alone.carries, shown(await reproduce(alone.fragment))], ["text", ["改".repeat(30)]]);
});

test("what another model wrote travels as text", async () => {
  const first = writeAll(states.newVersions({ ...start(), ready: { model: "ffff" } }, "却说", 7));
  const { manuscript } = writeAll(states.continueVersions({ ...first, ready: { model: MODEL } }, [0], 8));
  const { fragment } = await makeLink(manuscript, manuscript.tips);
  const shared = await readLink(fragment);
  assert.deepEqual(
    shared.steps.map(([kind]) => kind),
    ["o", "e", "w"],
  );
  assert.equal(shared.model, MODEL.slice(0, 16));
  assert.deepEqual(shown(await reproduce(fragment)), shown(manuscript));
  assert.deepEqual(shown(takeTexts(newManuscript("new", 0), shared)), shown(manuscript));
});

test("links of strangers: whatever is not as it should be is refused", async () => {
  const right = {
    m: "ab",
    s: [[1, 0, 1, 1]],
    n: [5, 1],
    p: [
      ["o", "却"],
      ["w", 0, 0, 7, 0, 5, 0],
    ],
    t: [1],
    c: [0],
  };
  const read = async (content) => readLink(`#w=${await pack(content)}`);
  assert.ok(await read(right));
  const wrong = [
    null,
    7,
    [],
    { ...right, m: "<b>" },
    { ...right, m: "" },
    { ...right, s: [[9, 0, 1, 1]] },
    { ...right, s: [[1, 0, 1, null]] },
    { ...right, s: [] },
    { ...right, n: [5] },
    { ...right, n: ["5", 1] },
    { ...right, p: [] },
    { ...right, p: [["o", 5]] },
    { ...right, p: [["w", 0, 0, 7, 0, 5, 0]], t: [0] },
    {
      ...right,
      p: [
        ["o", "却"],
        ["w", 1, 0, 7, 0, 5, 0],
      ],
    },
    {
      ...right,
      p: [
        ["o", "却"],
        ["w", 0, 0, 7, 0, 1e9, 0],
      ],
    },
    {
      ...right,
      p: [
        ["o", "却"],
        ["w", 0, 0, -7, 0, 5, 0],
      ],
    },
    {
      ...right,
      p: [
        ["o", "却"],
        ["e", 0, 0.5, 0, ""],
      ],
    },
    {
      ...right,
      p: [
        ["o", "却"],
        ["x", 0],
      ],
    },
    { ...right, p: Array.from({ length: 401 }, () => ["o", ""]) },
    { ...right, t: [2] },
    { ...right, t: [] },
    { ...right, c: [] },
    { ...right, x: ["a", "b"] },
    { ...right, x: [{}] },
  ];
  for (const content of wrong) assert.equal(await read(content), null, JSON.stringify(content));
  for (const fragment of ["#w=", "#w=1", "#w=1!!!", "#w=2AAAA", "#w=0e30", `#w=1${"A".repeat(300_000)}`]) {
    assert.equal(await readLink(fragment), null, fragment.slice(0, 20));
  }
  const bomb = await pack("a".repeat(20_000_000));
  await assert.rejects(unpack(bomb), /too large/);
});

test("a change that no longer fits goes as near as it can", async () => {
  const content = {
    m: "",
    s: [],
    n: null,
    p: [
      ["o", "却"],
      ["e", 0, 9, 9, "说"],
    ],
    t: [1],
    c: [checksum("却说")],
  };
  const again = await reproduce(`#w=${await pack(content)}`);
  assert.deepEqual(shown(again), ["却说"]);
});

test("a browser without compression writes and reads links all the same", async () => {
  const { CompressionStream: Kept } = globalThis;
  globalThis.CompressionStream = undefined;
  const packed = await pack({ text: "却说\ud800" });
  globalThis.CompressionStream = Kept;
  assert.equal(packed[0], "0");
  assert.deepEqual(await unpack(packed), { text: "却说\ud800" });
  assert.ok(isLink("#w=1") && !isLink("#t=1&w=1"));
});
