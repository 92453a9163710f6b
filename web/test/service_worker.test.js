import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import { FakeCaches } from "./fake_host.js";

const FOLDER = "http://site/path/";
const SOURCE = readFileSync(new URL("../src/service_worker.js", import.meta.url), "utf8");
const hash = (content) => createHash("sha256").update(content).digest("hex");

/** The service worker of a version with two files, before a host that answers as `fetch` does. */
function worker(files, fetch, caches = new FakeCaches()) {
  const listeners = {};
  const hashes = Object.fromEntries(Object.entries(files).map(([file, content]) => [file, hash(content)]));
  const scope = {
    ...{ URL, Headers, Response, Request, Uint8Array, Object, Array, Promise, Error, JSON },
    crypto: globalThis.crypto,
    location: { href: `${FOLDER}service_worker.js` },
    SHELL: { version: hash(JSON.stringify(hashes)), files: hashes },
    caches,
    fetch,
    addEventListener: (name, listener) => (listeners[name] = listener),
    skipWaiting: async () => {},
    clients: { claim: async () => {} },
  };
  vm.runInNewContext(SOURCE, Object.assign(scope, { globalThis: scope }));
  const send = async (name, event = {}) => {
    let outcome;
    const take = (promise) => (outcome = promise);
    listeners[name]({ ...event, waitUntil: take, respondWith: take });
    return await outcome;
  };
  const open = (address, rest = {}) => send("fetch", { request: { url: address, method: "GET", ...rest } });
  return { send, open, caches };
}

const hostOf =
  (files, headers = {}) =>
  async (address) =>
    new Response(files[new URL(address).pathname.slice("/path/".length)], { headers });

const OLD = { "index.html": "old page", "app.js": "old program" };
const NEW = { "index.html": "new page", "app.js": "new program" };

test("a host with some files of a new version fails its install, and the old page stays whole", async () => {
  const old = worker(OLD, hostOf(OLD));
  await old.send("install");
  await old.send("activate");
  for (const mixture of [
    { ...NEW, "app.js": OLD["app.js"] },
    { ...OLD, "app.js": NEW["app.js"] },
  ]) {
    const next = worker(NEW, hostOf(mixture), old.caches);
    await assert.rejects(next.send("install"), /is not this version's/);
    assert.equal((await old.caches.keys()).length, 1);
    assert.equal(await (await old.open(FOLDER)).text(), "old page");
    assert.equal(await (await old.open(`${FOLDER}app.js`)).text(), "old program");
  }
  const whole = worker(NEW, hostOf(NEW), old.caches);
  await whole.send("install");
  await whole.send("activate");
  assert.equal(await (await whole.open(`${FOLDER}?x#y`)).text(), "new page");
  assert.equal((await old.caches.keys()).length, 1);
});

test("a page that says 404 with a body of the right length is not kept either", async () => {
  const refused = worker(OLD, async () => new Response("old page", { status: 404 }));
  await assert.rejects(refused.send("install"));
});

test("an answer that came by a redirect is kept as one that did not", async () => {
  const led = async (address) => {
    const response = await hostOf(OLD)(address);
    return Object.defineProperty(response, "redirected", { value: true });
  };
  const { send, open } = worker(OLD, led);
  await send("install");
  const response = await open(`${FOLDER}index.html`);
  assert.deepEqual([response.redirected, response.status], [false, 200]);
  assert.equal(response.headers.get("Cross-Origin-Embedder-Policy"), "require-corp");
});

test("a program does not keep a policy that the host may mend, the page keeps what protects it", async () => {
  const policy = { "Content-Security-Policy": "script-src 'self'", "Content-Type": "text/plain" };
  const files = { ...OLD, "a.wasm": "\0asm" };
  const { send, open } = worker(files, hostOf(files, policy));
  await send("install");
  assert.equal((await open(`${FOLDER}app.js`)).headers.get("Content-Security-Policy"), null);
  assert.equal((await open(FOLDER)).headers.get("Content-Security-Policy"), "script-src 'self'");
  assert.equal((await open(`${FOLDER}a.wasm`)).headers.get("Content-Type"), "application/wasm");
});

test("what is not the page's goes its own way", async () => {
  const { send, open } = worker(OLD, hostOf(OLD));
  await send("install");
  for (const address of [`${FOLDER}bundle/bundle.json`, `${FOLDER}toString`, "http://other/index.html"]) {
    assert.equal(await open(address), undefined);
  }
  assert.equal(await open(FOLDER, { method: "POST" }), undefined);
});
