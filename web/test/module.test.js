import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Connection } from "../src/module/connection.js";
import { GPT2Error, SENTENCES } from "../src/module/errors.js";
import { checkedSettings, modelDefaults } from "../src/module/settings.js";
import { Writing } from "../src/module/writing.js";
import { FakeWorker } from "./fake_worker.js";
import { GENERATION } from "./helpers.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));
const code = (promise) =>
  promise.then(
    () => "none",
    (error) => error.code ?? error.message,
  );

function connect(backend = null) {
  const workers = [];
  const start = (file) => {
    workers.push(new FakeWorker(file));
    return workers.at(-1);
  };
  const connection = new Connection("bundle/", backend, null, () => {}, start);
  return { connection, workers };
}

const done = (id, text, finish = "length") => ({
  type: "done",
  id,
  text,
  finish,
  cutTokens: 0,
  snapshot: { window: [1], newIds: [1, 2] },
});

test("requests go one at a time, in the order of asking, and each gets its own answer", async () => {
  const { connection, workers } = connect();
  const [first, second] = ["却", "说"].map((text) => connection.ask({ type: "tokenize", text }));
  await settled();
  const [worker] = workers;
  assert.deepEqual(
    worker.received.map(({ type }) => type),
    ["load"],
  );
  worker.ready("kernels", 1);
  await settled();
  assert.deepEqual(
    worker.received.slice(1).map(({ text }) => text),
    ["却"],
  );
  worker.say({ type: "tokens", id: 1, ids: [1], tokens: ["却"] });
  assert.deepEqual((await first).tokens, ["却"]);
  await settled();
  worker.say({ type: "tokens", id: 2, ids: [2], tokens: ["说"] });
  assert.deepEqual((await second).tokens, ["说"]);
});

test("what is under way when a backend fails fails with its code, and what waits goes to the next", async () => {
  const { connection, workers } = connect("webgpu");
  workers[0].ready("webgpu", 1);
  const lost = code(connection.ask({ type: "tokenize", text: "却" }));
  const waits = connection.ask({ type: "tokenize", text: "说" });
  await settled();
  workers[0].say({ type: "error", id: 1, code: "device_lost", detail: "why" });
  assert.equal(await lost, "device_lost");
  await settled();
  assert.deepEqual(
    workers[1].received.map(({ type }) => type),
    ["load"],
  );
  workers[1].ready("kernels", 2);
  await settled();
  workers[1].say({ type: "tokens", id: 2, ids: [], tokens: [] });
  assert.deepEqual((await waits).ids, []);
});

test("a backend lost while nothing was asked is waited for too", async () => {
  const { connection, workers } = connect("webgpu");
  workers[0].ready("webgpu", 1);
  workers[0].say({ type: "error", id: null, code: "device_lost", detail: "" });
  const waits = connection.ask({ type: "tokenize", text: "却" });
  await settled();
  assert.equal(workers[1].received.length, 1);
  workers[1].ready("kernels", 1);
  await settled();
  workers[1].say({ type: "tokens", id: 1, ids: [7], tokens: ["却"] });
  assert.deepEqual((await waits).ids, [7]);
});

test("when nothing is left everything fails with the first reason", async () => {
  const { connection, workers } = connect();
  const waits = code(connection.ask({ type: "tokenize", text: "却" }));
  workers[0].say({ type: "error", id: null, code: "offline", detail: "there" });
  assert.deepEqual([await waits, await code(connection.ready.promise)], ["offline", "offline"]);
  assert.equal(await code(connection.ask({ type: "tokenize", text: "却" })), "offline");
  assert.ok(workers.every(({ ended }) => ended));
});

test("a writing: pieces as they come, its result, and a stop where the loop is left", async () => {
  const { connection, workers } = connect();
  const [worker] = workers;
  worker.ready("kernels", 1);
  const settings = checkedSettings(modelDefaults(GENERATION), { seed: 3, sample: 1 });
  const writing = new Writing(connection, "却", settings, undefined, undefined);
  const seen = [];
  const loop = (async () => {
    for await (const piece of writing) if (seen.push(piece) === 2) break;
  })();
  await settled();
  const { sample, prompt, resume, settings: sent } = worker.received[1];
  assert.deepEqual([sample, prompt, resume, sent.seed, sent.topK], [1, "却", null, 3, 30]);
  for (const text of ["说", "", "曹", "操"]) worker.say({ type: "token", id: 1, text, count: 1 });
  await settled();
  assert.equal(worker.received.at(-1).type, "stop");
  worker.say(done(1, "说曹操", "stopped"));
  await loop;
  const result = await writing.result;
  assert.deepEqual([seen, result.text, result.finish, result.numTokens], [["说", "曹"], "说曹操", "stopped", 2]);
  const more = new Writing(connection, "却", settings, result, undefined);
  more.result.catch(() => {});
  await settled();
  assert.deepEqual(worker.received.at(-1).resume, result.snapshot);
});

test("stopped or aborted before its turn a writing never reaches the worker", async () => {
  const { connection, workers } = connect();
  const settings = checkedSettings(modelDefaults(GENERATION), {});
  const aborter = new AbortController();
  const stopped = new Writing(connection, "却", settings, undefined, undefined);
  const aborted = new Writing(connection, "却", settings, undefined, aborter.signal);
  const [result, reason] = [stopped.result, code(aborted.result)];
  stopped.stop();
  aborter.abort(new Error("enough"));
  workers[0].ready("kernels", 1);
  assert.deepEqual([(await result).finish, (await result).text, await reason], ["stopped", "", "enough"]);
  assert.equal(workers[0].received.length, 1);
});

test("the model's own settings, and what is given over them", () => {
  const defaults = modelDefaults(GENERATION);
  assert.equal(defaults.topK, 30);
  assert.equal(modelDefaults({ ...GENERATION, do_sample: false }).temperature, 0);
  assert.throws(() => modelDefaults({ ...GENERATION, top_p: 2 }), { code: "bundle_damaged" });
  const settings = checkedSettings(defaults, { topK: 0, seed: undefined, signal: undefined });
  assert.deepEqual([settings.topK, Number.isInteger(settings.seed)], [0, true]);
  for (const wrong of [{ topK: 1.5 }, { seed: -1 }, { topP: 0 }, { toString: 1 }]) {
    assert.throws(() => checkedSettings(defaults, wrong), GPT2Error);
  }
});

test("every trouble of the runtime has a sentence", () => {
  const source = readFileSync(new URL("../src/runtime/trouble.js", import.meta.url), "utf8");
  const codes = [...source.split("*/")[0].matchAll(/"(\w+)"/g)].map(([, found]) => found);
  for (const found of codes) if (found !== "unknown") assert.ok(found in SENTENCES, found);
  assert.match(new GPT2Error("unknown", "$& broke").message, /\(unknown\): \$& broke/);
});
