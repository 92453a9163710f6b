import assert from "node:assert/strict";
import { test } from "node:test";
import { isKept, loadBundle } from "../src/runtime/bundle/bundle.js";
import { parseIndex } from "../src/runtime/bundle/index_file.js";
import { fetchUpdate, findUpdate } from "../src/runtime/bundle/update.js";
import { decodeHalves, WeightStore } from "../src/runtime/bundle/weights.js";
import { FakeCaches, host, URL_ } from "./fake_host.js";

const ignore = () => {};
const encode = (text) => new TextEncoder().encode(text);

const offline = async () => {
  throw new TypeError("failed to fetch");
};

const wait = async () => {};
const html = () => new Response("<!doctype html>sign in", { headers: { "content-type": "text/html" } });
const refuse = (status, headers) => new Response("", { status, headers });

/** Whether a file is kept. */
const holds = (caches, path) => [...caches.stores.values()].some((store) => store.has(URL_ + path));

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error.code;
  }
  return "none";
}

test("downloads with byte progress, keeps, and opens without a network", async () => {
  const caches = new FakeCaches();
  const server = host();
  const seen = [];
  const bundle = await loadBundle(URL_, (phase, loaded, total) => seen.push([phase, loaded, total]), {
    ...server,
    caches,
  });
  assert.deepEqual(seen.at(-1), ["download", server.bytes, server.bytes]);
  assert.equal(bundle.storage, "stored");
  assert.ok(await isKept(URL_, caches));
  const again = await loadBundle(URL_, ignore, { fetch: offline, caches, wait });
  assert.ok(again.fromCache);
  assert.equal(new TextDecoder().decode(again.weights()), "weights");
  assert.deepEqual([...again.files.keys()], ["config.json"]);
});

test("what is kept opens first, whatever the network answers, and costs no request", async () => {
  const answers = {
    "not there": () => refuse(404),
    busy: () => refuse(503),
    "sign-in page": html,
    "newer index, weights refused": async (address) =>
      address.endsWith("bundle.json") ? host({ content: "newer" }).fetch(address) : refuse(503),
    offline,
  };
  for (const [name, fetch] of Object.entries(answers)) {
    const caches = new FakeCaches();
    await loadBundle(URL_, ignore, { ...host(), caches });
    const again = await loadBundle(URL_, ignore, { fetch, caches, wait });
    assert.equal(new TextDecoder().decode(again.weights()), "weights", name);
  }
});

test("a kept file that was damaged is fetched again, the others are not", async () => {
  const caches = new FakeCaches();
  await loadBundle(URL_, ignore, { ...host(), caches });
  const [store] = caches.stores.values();
  store.set(`${URL_}a.bin`, new Response("weightX"));
  const server = host();
  const bundle = await loadBundle(URL_, ignore, { ...server, caches });
  assert.deepEqual([bundle.fromCache, server.requests], [false, ["bundle.json", "a.bin"]]);
  assert.ok((await loadBundle(URL_, ignore, { fetch: offline, caches, wait })).fromCache);
});

test("a kept version that this page cannot read gives way to the host's", async () => {
  const caches = new FakeCaches();
  await loadBundle(URL_, ignore, { ...host(), caches });
  const [store] = caches.stores.values();
  store.set(`${URL_}bundle.json`, new Response('{"format": "tf_gpt2-bundle", "version": 3}'));
  assert.ok(!(await isKept(URL_, caches)));
  assert.ok(!(await loadBundle(URL_, ignore, { ...host(), caches })).fromCache);
});

test("a download that was broken off goes on where it was", async () => {
  const caches = new FakeCaches();
  let broken = true;
  const fails = (path, good) => (broken && path === "b.bin" ? refuse(403) : good);
  const options = { content: "weights", more: "and more", change: fails };
  assert.equal(await failure(loadBundle(URL_, ignore, { ...host(options), caches })), "host_refuses");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(holds(caches, "a.bin") && holds(caches, "config.json") && !(await isKept(URL_, caches)));
  broken = false;
  const server = host(options);
  const seen = [];
  const bundle = await loadBundle(URL_, (_, loaded) => seen.push(loaded), { ...server, caches });
  assert.deepEqual(server.requests, ["bundle.json", "b.bin"]);
  assert.equal(new TextDecoder().decode(bundle.weights()), "weightsand more");
  assert.equal(seen.at(-1), server.bytes);
  assert.ok(await isKept(URL_, caches));
});

test("the version that the page uses is opened while it is kept, else the newest; old ones go", async () => {
  const caches = new FakeCaches();
  await caches.open("tf_gpt2 model http://site/other/bundle/ abc");
  const { hash: old } = await loadBundle(URL_, ignore, { ...host(), caches });
  const server = host({ content: "newer" });
  const update = await findUpdate(URL_, old, { ...server, caches });
  assert.equal(await fetchUpdate(URL_, update, { ...server, caches }), "stored");
  const open = async (wanted) => (await loadBundle(URL_, ignore, { fetch: offline, caches, wait }, wanted)).hash;
  assert.equal(await open(old), old);
  assert.equal(await open(""), update.hash);
  assert.equal((await caches.keys()).length, 2);
  assert.equal(await open(old), update.hash);
});

test("troubles are named after what the host did, and nothing that is wrong is kept", async () => {
  const at = (path, answer) => host({ change: (asked, good) => (asked === path ? answer() : good) });
  const leading = ({ redirect }) => {
    if (redirect !== "manual") throw new TypeError("failed to fetch");
    return { type: "opaqueredirect" };
  };
  const cases = [
    ["missing_file", at("a.bin", () => refuse(404))],
    ["missing_file", at("bundle.json", () => refuse(404))],
    ["host_refuses", at("bundle.json", () => refuse(403))],
    ["host_busy", at("a.bin", () => refuse(429))],
    ["host_busy", at("a.bin", () => refuse(503, { "Retry-After": "3600" }))],
    ["host_fault", at("a.bin", () => refuse(500))],
    ["wrong_hash", at("a.bin", () => new Response("weightX"))],
    ["web_page", at("a.bin", html)],
    ["web_page", at("bundle.json", html)],
    ["bundle_version", host({ version: 99 })],
    ["bundle_damaged", at("bundle.json", () => new Response("null"))],
    ["led_away", { fetch: async (_address, options) => leading(options), wait }],
    ["offline", { fetch: offline, wait }],
  ];
  for (const [code, server] of cases) {
    const caches = new FakeCaches();
    assert.equal(await failure(loadBundle(URL_, ignore, { ...server, caches })), code);
    assert.ok(!holds(caches, "a.bin") && !holds(caches, "bundle.json"), code);
  }
});

test("a host in trouble is asked again after growing pauses, or the one it asks for", async () => {
  const pauses = async (answer) => {
    const waited = [];
    const server = host({ change: (path, good) => (path === "a.bin" ? (answer() ?? good) : good) });
    await failure(
      loadBundle(URL_, ignore, {
        ...server,
        caches: new FakeCaches(),
        wait: async (milliseconds) => waited.push(milliseconds),
      }),
    );
    return waited;
  };
  assert.deepEqual(await pauses(() => refuse(500)), [300, 1000, 3000]);
  assert.deepEqual(await pauses(() => refuse(429, { "Retry-After": "2" })), [2000, 2000, 3000]);
  assert.deepEqual(
    await pauses(() => refuse(503, { "Retry-After": new Date(0).toUTCString() })),
    [300, 1000, 3000],
  );
  assert.deepEqual(await pauses(() => refuse(429, { "Retry-After": "3600" })), []);
  assert.deepEqual(await pauses(() => refuse(403)), []);
  let times = 0;
  assert.deepEqual(await pauses(() => (times++ < 2 ? refuse(503) : null)), [300, 1000]);
});

test("an index with a field of a wrong type is damaged, and the field is named", async () => {
  const raw = new Uint8Array(await (await host().fetch(`${URL_}bundle.json`)).arrayBuffer());
  const good = parseIndex(raw);
  const tokenizer = (fields) => ({ tokenizer: { ...good.tokenizer, ...fields } });
  const wrong = {
    dtype: [{ dtype: 8 }],
    parameters: [{ parameters: "2" }, { parameters: -1 }],
    bytes: [{ bytes: null }, { bytes: 1.5 }],
    files: [{ files: {} }, { files: [null] }, { files: [{ path: "a.bin", bytes: "7", sha256: "" }] }],
    shards: [{ shards: "a.bin" }, { shards: [1] }],
    int8: [{ int8: [] }, { int8: { w: { shape: [3], channel_axis: 0 } } }, { int8: { w: null } }],
    tokenizer: [{ tokenizer: undefined }, { tokenizer: [] }],
    "tokenizer.kind": [tokenizer({ kind: "words" }), tokenizer({ kind: undefined })],
    "tokenizer.vocabulary_size": [tokenizer({ vocabulary_size: "300" })],
    "tokenizer.end_of_text_id": [
      tokenizer({ end_of_text_id: -1 }),
      tokenizer({ end_of_text_id: "0" }),
      tokenizer({ end_of_text_id: 300 }),
    ],
  };
  for (const [field, changes] of Object.entries(wrong)) {
    for (const change of changes) {
      const damaged = encode(JSON.stringify({ ...good, ...change }));
      assert.throws(() => parseIndex(damaged), { code: "bundle_damaged", detail: `bundle.json: ${field}` });
    }
  }
});

test("a file of the wrong length is fetched again, and the progress does not count it twice", async () => {
  let spoiled = false;
  const server = host({
    change: (path, good) => {
      if (path !== "a.bin" || spoiled) return good;
      spoiled = true;
      return new Response("weights and more");
    },
  });
  let last = 0;
  await loadBundle(URL_, (_phase, loaded) => (last = loaded), { ...server, caches: new FakeCaches() });
  assert.equal(last, server.bytes);
});

test("a full or missing store: the model works, nothing half is kept", async () => {
  const caches = new FakeCaches({ room: 1 });
  assert.equal((await loadBundle(URL_, ignore, { ...host(), caches })).storage, "full");
  assert.deepEqual(await caches.keys(), []);
  assert.equal((await loadBundle(URL_, ignore, { ...host(), caches: undefined })).storage, "unavailable");
});

test("a store that was cut off while it was written counts for nothing", async () => {
  const caches = new FakeCaches();
  await loadBundle(URL_, ignore, { ...host(), caches });
  const [store] = caches.stores.values();
  store.delete(`${URL_}bundle.json`);
  assert.ok(!(await isKept(URL_, caches)));
  const server = host();
  assert.ok(!(await loadBundle(URL_, ignore, { ...server, caches })).fromCache);
  assert.deepEqual(server.requests, ["bundle.json"]);
});

test("weights: half precision", () => {
  assert.deepEqual(
    [...decodeHalves(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0))],
    [1, -2, 2 ** -24, 65504, 0],
  );
});

/** A store of an int8 matrix [3, 2], of one scale a column, and a float16 vector. */
function smallStore() {
  const weights = [
    { name: "h.0.m/int8", shape: [32], dtype: "int32" },
    { name: "h.0.m/scale", shape: [2], dtype: "float32" },
    { name: "p", shape: [1], dtype: "float32", quantization: { dtype: "float16" } },
  ];
  const bytes = new Uint8Array(128 + 8 + 2);
  // Words of output 0 and, which is filled up, output 4; inputs 0 and 1, then output 1; after 64 bytes input 2.
  bytes.set([128 + 1, 0, 128 + 3, 0, 128 - 2, 0, 128 - 4, 0]);
  bytes.set([128 + 5, 0, 128, 0, 128 - 6, 0, 128, 0], 64);
  const view = new DataView(bytes.buffer);
  view.setFloat32(128, 0.5, true);
  view.setFloat32(132, 2, true);
  view.setUint16(136, 0x3c00, true);
  const files = new Map([["weights_manifest.json", encode(JSON.stringify([{ weights }]))]]);
  const index = { int8: { "h.0.m": { shape: [3, 2], channel_axis: 1 } } };
  return new WeightStore({ index, files, weights: () => bytes });
}

test("weights: int8 comes out of its tiles in row-major order", () => {
  const store = smallStore();
  assert.deepEqual([...store.int8("h.0.m").values], [1, -2, 3, -4, 5, -6]);
  assert.deepEqual([...store.float32("h.0.m")], [0.5, -4, 1.5, -8, 2.5, -12]);
  assert.deepEqual([...store.float32("p")], [1]);
  assert.deepEqual(store.tiles("h.0.m"), { start: 0, inputs: 3, outputs: 2 });
  assert.equal(store.vector("h.0.m/scale", 2), 128);
});

test("weights: what is missing or of another shape is named", () => {
  const store = smallStore();
  for (const wrong of [
    () => store.float32("q"),
    () => store.vector("h.0.m/scale", 3),
    () => store.vector("p", 1),
    () => store.tiles("p"),
  ]) {
    assert.throws(wrong, { code: "bundle_damaged" });
  }
});
