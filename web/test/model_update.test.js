import assert from "node:assert/strict";
import { test } from "node:test";
import { mayFetchUnasked, offerUpdate, UNASKED_BYTES } from "../src/page/model_update.js";
import { loadBundle } from "../src/runtime/bundle/bundle.js";
import { FakeCaches, host, URL_ } from "./fake_host.js";

const large = () => "w".repeat(UNASKED_BYTES + 1);

/** What the page of a visitor with the first version is told when the host has another one. */
async function visit(server) {
  const caches = new FakeCaches();
  const { hash } = await loadBundle(URL_, () => {}, { ...host(), caches });
  const told = [];
  const page = {
    onOffer: (bytes) => told.push(["offer", bytes]),
    onProgress: (loaded, total) => told.push(["progress", loaded, total]),
    onKept: (storage) => told.push(["kept", storage]),
    onFail: (code) => told.push(["fail", code]),
  };
  const get = await offerUpdate(URL_, hash, page, { ...server, caches });
  return { get, told, caches };
}

test("a small version is fetched unasked, a large one or one for a visitor who saves data is not", () => {
  assert.ok(mayFetchUnasked(UNASKED_BYTES, undefined));
  assert.ok(!mayFetchUnasked(UNASKED_BYTES + 1, undefined));
  assert.ok(!mayFetchUnasked(1, { saveData: true }));
  assert.ok(mayFetchUnasked(1, { saveData: false }));
});

test("a small newer version comes by itself, and the next opening takes it", async () => {
  const server = host({ content: "newer" });
  const { get, told, caches } = await visit(server);
  assert.deepEqual([get, told.at(-1)], [null, ["kept", "stored"]]);
  assert.ok(told.filter(([what]) => what === "progress").length <= 11);
  const next = await loadBundle(URL_, () => {}, { ...server, caches });
  assert.deepEqual([next.fromCache, new TextDecoder().decode(next.weights())], [true, "newer"]);
});

test("a large one is offered with its size and fetched when asked for", async () => {
  const server = host({ content: large() });
  const { get, told } = await visit(server);
  assert.deepEqual(told, [["offer", server.bytes]]);
  assert.deepEqual(server.requests, ["bundle.json"]);
  await get();
  assert.deepEqual(told.at(-1), ["kept", "stored"]);
});

test("one that fails leaves the kept one as it is, and the next try goes on", async () => {
  let broken = true;
  const change = (path, good) => (broken && path === "b.bin" ? new Response("", { status: 503 }) : good);
  const server = host({ content: large(), more: "more", change });
  const { get, told, caches } = await visit(server);
  await get();
  assert.deepEqual(told.at(-1), ["fail", "host_busy"]);
  const kept = await loadBundle(URL_, () => {}, { ...server, caches });
  assert.equal(new TextDecoder().decode(kept.weights()), "weights");
  broken = false;
  server.requests.length = 0;
  await get();
  assert.deepEqual(told.at(-1), ["kept", "stored"]);
  assert.deepEqual(server.requests, ["b.bin", "config.json"]);
});

test("the same version, or an answer that is no bundle, is nothing to tell", async () => {
  for (const server of [host(), host({ change: () => new Response("<html>") }), host({ version: 99 })]) {
    assert.deepEqual((await visit(server)).told, []);
  }
});
