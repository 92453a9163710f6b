import assert from "node:assert/strict";
import { test } from "node:test";
import { topIds } from "../src/runtime/writing/sampler.js";
import { SentenceEnd } from "../src/runtime/writing/sentences.js";
import { Writer } from "../src/runtime/writing/writer.js";

const settings = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, maxNewTokens: 5, seed: 0 };
const never = async () => false;

/** Says (sum of what it has read) mod 10, and keeps a record. */
class ScriptedDecoder {
  constructor() {
    this.read = [];
    this.calls = [];
    this.length = 0;
  }
  async encode(ids) {
    this.read.push(...ids);
    this.calls.push(ids.length);
    this.length = this.read.length;
    const logits = new Float32Array(10);
    logits[this.read.reduce((sum, id) => sum + id, 0) % 10] = 1;
    return logits;
  }
  reset() {
    this.read = [];
    this.length = 0;
  }
}

/** The policy of tf_gpt2/generation/engine.py in its plainest form: no cache, the whole window each time. */
function oracle(prompt, count, context) {
  let window = prompt.slice(-context);
  const written = [];
  while (written.length < count) {
    if (window.length > context) window = window.slice(-Math.max(1, Math.floor(context / 2)));
    const id = window.reduce((sum, one) => sum + one, 0) % 10;
    written.push(id);
    window = [...window, id];
  }
  return written;
}

test("the window rolls as in Python, and the cache never shows", async () => {
  for (const context of [1, 2, 5, 8]) {
    const writer = new Writer(new ScriptedDecoder(), context, -1);
    const { snapshot, cutTokens } = writer.start([3, 4, 5, 6]);
    assert.equal(cutTokens, Math.max(0, 4 - context));
    const ids = [];
    await writer.write(snapshot, { ...settings, maxNewTokens: 30 }, 0, never, (id) => ids.push(id));
    assert.deepEqual(ids, oracle([3, 4, 5, 6], 30, context));
  }
});

test("continuing gives what one long run gives, also after another text was written in between", async () => {
  const writer = new Writer(new ScriptedDecoder(), 8, -1);
  const sampled = { ...settings, temperature: 1, seed: 9 };
  const ignore = () => {};
  const long = await writer.write(
    writer.start([1, 2]).snapshot,
    { ...sampled, maxNewTokens: 20 },
    0,
    never,
    ignore,
  );
  const first = await writer.write(
    writer.start([1, 2]).snapshot,
    { ...sampled, maxNewTokens: 7 },
    0,
    never,
    ignore,
  );
  await writer.write(writer.start([5]).snapshot, sampled, 1, never, ignore);
  const rest = await writer.write(first.snapshot, { ...sampled, maxNewTokens: 13 }, 0, never, ignore);
  assert.deepEqual(rest.snapshot, long.snapshot);
});

test("a stop ends the run between two tokens, and inside a long prompt", async () => {
  const decoder = new ScriptedDecoder();
  const writer = new Writer(decoder, 1000, -1);
  let asked = 0;
  const result = await writer.write(
    writer.start([1]).snapshot,
    settings,
    0,
    async () => ++asked > 3,
    () => {},
  );
  assert.equal(result.finish, "stopped");
  assert.equal(result.snapshot.newIds.length, 3);
  asked = 0;
  decoder.calls = [];
  const long = writer.start(Array.from({ length: 500 }, () => 1)).snapshot;
  assert.equal(
    (
      await writer.write(
        long,
        settings,
        0,
        async () => ++asked > 2,
        () => {},
      )
    ).finish,
    "stopped",
  );
  assert.deepEqual(decoder.calls, [64, 64]);
});

test("the end of the text ends the run and is not passed on", async () => {
  const writer = new Writer(new ScriptedDecoder(), 100, 4);
  const ids = [];
  const result = await writer.write(writer.start([2, 2]).snapshot, settings, 0, never, (id) => ids.push(id));
  assert.deepEqual([result.finish, ids, result.snapshot.newIds], ["end_of_text", [], [4]]);
});

test("an empty prompt begins a document", () => {
  const writer = new Writer(new ScriptedDecoder(), 100, 4);
  assert.deepEqual(writer.start([]).snapshot.window, [4]);
});

test("a sentence is finished, and going on gives what one long run gives, without reading anything again", async () => {
  const piece = (id) => "他走了又来到。”，！"[id];
  const run = async (writer, snapshot, length, finishes) => {
    const sentence = finishes ? new SentenceEnd(length, snapshot.newIds.map(piece).join("")) : null;
    const wanted = { ...settings, temperature: 1, topK: 5, seed: 4, maxNewTokens: length };
    const result = await writer.write(snapshot, wanted, 0, never, (id) => sentence?.push(piece(id)), sentence);
    return result.snapshot;
  };
  for (const decoder of [new TyingDecoder(9), new ChoosingDecoder(9)]) {
    const writer = new Writer(decoder, 30, -1);
    const finished = await run(writer, writer.start([1, 2]).snapshot, 10, true);
    const text = finished.newIds.map(piece).join("");
    assert.match(text, /[。！]”*$/);
    assert.ok(finished.newIds.length > 10 && finished.newIds.length < 70);
    decoder.calls = [];
    const further = await run(writer, finished, 45, true);
    assert.ok(Math.max(...decoder.calls) <= 15); // no more than the half of the window that rolled
    const long = await run(writer, writer.start([1, 2]).snapshot, further.newIds.length, false);
    assert.deepEqual(further, long);
  }
});

/** Pseudo-random logits with many ties, a function of what was read. */
class TyingDecoder extends ScriptedDecoder {
  constructor(size = 50) {
    super();
    this.size = size;
  }
  async encode(ids) {
    await super.encode(ids);
    const seed = this.read.reduce((sum, id) => (sum * 31 + id) % 65521, 7);
    return Float32Array.from({ length: this.size }, (_, id) => (((seed + 1) * (id + 3)) % 11) / 2);
  }
}

/** The same, able to say only the likeliest. */
class ChoosingDecoder extends TyingDecoder {
  maxCandidates = 20;
  asked = [];
  async encodeCandidates(ids, k) {
    this.asked.push(k);
    const logits = await this.encode(ids);
    const best = topIds(logits, k);
    return { ids: best, logits: Float32Array.from(best, (id) => logits[id]) };
  }
}

test("the likeliest tokens alone give the text that all logits give, and a penalty needs all", async () => {
  const write = async (decoder, changed) => {
    const writer = new Writer(decoder, 30, -1);
    const sampled = { ...settings, temperature: 1.5, seed: 3, maxNewTokens: 40, ...changed };
    return (await writer.write(writer.start([1, 2, 3]).snapshot, sampled, 0, never, () => {})).snapshot.newIds;
  };
  for (const [changed, asked] of [
    [{ topK: 7 }, [7]],
    [{ topK: 20, topP: 0.6 }, [20]],
    [{ topK: 1 }, [1]],
    [{ temperature: 0 }, [1]],
    [{ temperature: 0, topK: 5 }, [1]],
    [{ topK: 21 }, []],
    [{ topK: 0 }, []],
    [{ topK: 7, repetitionPenalty: 1.2 }, []],
  ]) {
    const choosing = new ChoosingDecoder();
    assert.deepEqual(await write(choosing, changed), await write(new TyingDecoder(), changed));
    assert.deepEqual([...new Set(choosing.asked)], asked);
  }
});
