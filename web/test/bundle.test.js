import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { BUNDLE_VERSION, isKept, loadBundle, parseIndex } from "../src/runtime/bundle/bundle.js";
import { decodeHalves, WeightStore } from "../src/runtime/bundle/weights.js";

const URL_ = "http://site/path/bundle/";
const ignore = () => {};
const encode = (text) => new TextEncoder().encode(text);

class FakeCaches {
  constructor({ room = Number.POSITIVE_INFINITY } = {}) {
    this.stores = new Map();
    this.room = room;
  }
  async keys() {
    return [...this.stores.keys()];
  }
  async delete(name) {
    return this.stores.delete(name);
  }
  async open(name) {
    if (!this.stores.has(name)) this.stores.set(name, new Map());
    const store = this.stores.get(name);
    return {
      match: async (key) => store.get(key)?.clone(),
      put: async (key, response) => {
        if (this.room-- <= 0) throw new DOMException("full", "QuotaExceededError");
        store.set(key, response);
      },
    };
  }
}

/** A host with a bundle of two files; `change` may spoil what it answers. */
function host({ version = BUNDLE_VERSION, content = "weights", change = (_path, response) => response } = {}) {
  const files = { "a.bin": encode(content), "config.json": encode("{}") };
  const entries = Object.entries(files).map(([path, bytes]) => ({
    path,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const index = JSON.stringify({
    format: "tf_gpt2-bundle",
    version,
    dtype: "float32",
    parameters: 2,
    tokenizer: { kind: "bpe", end_of_text_id: 0, vocabulary_size: 300 },
    files: entries,
    bytes,
    shards: ["a.bin"],
    int8: {},
  });
  const requests = [];
  const fetch = async (address) => {
    const path = address.slice(URL_.length).replace(/\?.*/, "");
    requests.push(path);
    const found = path === "bundle.json" ? index : files[path];
    return change(path, new Response(found));
  };
  return { fetch, requests, bytes };
}

const offline = async () => {
  throw new TypeError("failed to fetch");
};

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
  const again = await loadBundle(URL_, ignore, { fetch: offline, caches });
  assert.ok(again.fromCache);
  assert.equal(new TextDecoder().decode(again.weights()), "weights");
  assert.deepEqual([...again.files.keys()], ["config.json"]);
});

test("an update replaces the old files; another site's stay", async () => {
  const caches = new FakeCaches();
  await caches.open("tf_gpt2 model http://site/other/bundle/ abc");
  await loadBundle(URL_, ignore, { ...host(), caches });
  const bundle = await loadBundle(URL_, ignore, { ...host({ content: "newer" }), caches });
  assert.ok(!bundle.fromCache);
  assert.equal((await caches.keys()).length, 2);
});

test("troubles leave nothing behind", async () => {
  const cases = {
    missing_file: host({ change: (path, good) => (path === "a.bin" ? new Response("", { status: 404 }) : good) }),
    wrong_hash: host({ change: (path, good) => (path === "a.bin" ? new Response("weightX") : good) }),
    bundle_version: host({ version: 99 }),
    bundle_damaged: host({ change: (path, good) => (path === "bundle.json" ? new Response("<html>") : good) }),
    offline: { fetch: offline },
  };
  for (const [code, server] of Object.entries(cases)) {
    const caches = new FakeCaches();
    assert.equal(await failure(loadBundle(URL_, ignore, { ...server, caches })), code);
    assert.deepEqual(await caches.keys(), [], code);
  }
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
