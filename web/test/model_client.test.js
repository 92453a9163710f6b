import assert from "node:assert/strict";
import { test } from "node:test";
import { ModelClient } from "../src/module/model_client.js";
import { observe } from "./fake_worker.js";

const error = (code) => ({ type: "error", id: null, code, detail: "why" });
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A client that writes with WebAssembly at 10 ms a token, with the graphics card beside it. */
function challenged() {
  const seen = observe(ModelClient);
  seen.client.load();
  const [first] = seen.workers;
  first.ready("kernels", 10);
  const outcome = seen.client.challenge("webgpu", 8);
  return { ...seen, first, second: seen.workers[1], outcome };
}

test("the faster backend takes over, and loss of it leads back", async () => {
  const { client, log, workers, first, second, outcome } = challenged();
  assert.equal(second.file, "worker_webgpu.js");
  second.ready("webgpu", 7.9);
  assert.equal(await outcome, true);
  assert.deepEqual([first.ended, second.ended, client.backend], [true, false, "webgpu"]);
  assert.deepEqual(log.at(-1), ["hand over", "webgpu"]);
  client.post({ type: "generate", id: 1 });
  assert.equal(second.received.at(-1).id, 1);
  second.say(error("device_lost"));
  assert.deepEqual(log.at(-1), ["switch", "webgpu", "device_lost", "kernels"]);
  assert.deepEqual([second.ended, workers.length, workers[2].file], [true, 3, first.file]);
});

test("a slower one and a failing one change nothing", async () => {
  for (const end of [
    (worker) => worker.ready("webgpu", 8),
    (worker) => worker.say(error("golden_mismatch")),
    (worker) => worker.onerror({ preventDefault() {}, message: "no such file" }),
  ]) {
    const { client, log, first, second, outcome } = challenged();
    end(second);
    assert.equal(await outcome, false);
    assert.deepEqual([first.ended, second.ended, client.worker], [false, true, first]);
    assert.deepEqual(log, [["message", "ready"]]);
  }
});

test("a text that is being written is written to its end by the backend that began it", async () => {
  const { client, log, first, second, outcome } = challenged();
  client.post({ type: "generate", id: 1 });
  second.ready("webgpu", 1);
  assert.equal(await outcome, true);
  first.say({ type: "token", id: 1 });
  assert.deepEqual([first.ended, client.worker], [false, first]);
  first.say({ type: "done", id: 1 });
  assert.deepEqual(log.slice(-2), [
    ["message", "done"],
    ["hand over", "webgpu"],
  ]);
  assert.deepEqual([first.ended, client.worker], [true, second]);
});

test("several versions of one opening are written by one backend", async () => {
  const { client, first, second, outcome } = challenged();
  client.callbacks.onMessage = ({ type, id }) => {
    if (type === "done" && id === 1) client.post({ type: "generate", id: 2 });
  };
  client.post({ type: "generate", id: 1 });
  second.ready("webgpu", 1);
  await outcome;
  first.say({ type: "done", id: 1 });
  assert.equal(client.worker, first);
  first.say({ type: "done", id: 2 });
  assert.equal(client.worker, second);
});

test("a winner that dies while it waits is forgotten", async () => {
  const { client, log, first, second, outcome } = challenged();
  client.post({ type: "generate", id: 1 });
  second.ready("webgpu", 1);
  await outcome;
  second.say(error("device_lost"));
  first.say({ type: "done", id: 1 });
  assert.deepEqual([client.worker, first.ended, second.ended], [first, false, true]);
  assert.deepEqual(log.at(-1), ["message", "done"]);
});

test("a winner that waits steps in for a backend that fails", async () => {
  const { client, log, workers, first, second, outcome } = challenged();
  client.post({ type: "generate", id: 1 });
  second.ready("webgpu", 1);
  await outcome;
  first.say(error("out_of_memory"));
  assert.deepEqual(
    log.slice(-2).map(([name]) => name),
    ["switch", "hand over"],
  );
  assert.deepEqual([client.worker, first.ended, second.ended], [second, true, false]);
  assert.ok(workers.slice(2).every((worker) => worker.ended));
});

test("closing ends the trial too", async () => {
  const { client, first, second, outcome } = challenged();
  client.close();
  assert.equal(await outcome, false);
  assert.deepEqual([first.ended, second.ended], [true, true]);
});

test("a backend that cannot start gives way to the next, and the first reason is told", async () => {
  const { client, log, workers } = observe(ModelClient, "webgpu");
  client.load();
  for (let i = 0; i < client.order.length; i++) workers[i].say(error(i ? "golden_mismatch" : "backend_failed"));
  await settled();
  assert.deepEqual(
    workers.map(({ ended }) => ended),
    workers.map(() => true),
  );
  assert.deepEqual(log.at(-1), ["fail", "backend_failed", "why"]);
  assert.equal(workers[0].file, "worker_webgpu.js");
});

test("what was asked is answered once, by its id, and as gone when the worker ends first", async () => {
  const { client, log, first } = challenged();
  const one = client.ask({ what: "surprise", prompt: "", newIds: [] });
  const two = client.ask({ what: "lens", prompt: "", newIds: [] });
  const [a, b] = first.received.slice(-2);
  assert.deepEqual([a.type, a.what, b.what], ["inspect", "surprise", "lens"]);
  assert.ok(a.id < 0 && b.id < 0 && a.id !== b.id);
  first.say({ type: "inspection", id: b.id, ids: [1] });
  assert.deepEqual((await two).ids, [1]);
  const before = log.length;
  first.say({ type: "inspection", id: b.id, ids: [2] }); // a second answer is nobody's
  first.say(error("device_lost"));
  assert.equal((await one).failed, "gone");
  assert.ok(!log.slice(before).some(([, type]) => type === "inspection"));
  client.close();
  assert.equal((await client.ask({ what: "walk", prompt: "", newIds: [] })).failed, "gone");
});
