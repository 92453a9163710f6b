import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import { FakeCaches } from "./fake_host.js";

const FOLDER = "http://site/path/";
const SOURCE = readFileSync(new URL("../src/service_worker.js", import.meta.url), "utf8");
const hash = (content) => createHash("sha256").update(content).digest("hex");

/** The service worker of a version with two files, before a host that answers as `fetch` does, in charge of `tabs`. */
function worker(files, fetch, caches = new FakeCaches(), tabs = []) {
  const listeners = {};
  let clock = 0;
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
    clients: {
      claim: async () => {},
      matchAll: async () => tabs,
      get: async (id) => tabs.find((tab) => tab.id === id),
    },
    registration: { installing: null, waiting: null },
    Set,
    Date: { now: () => clock },
  };
  vm.runInNewContext(SOURCE, Object.assign(scope, { globalThis: scope }));
  const send = async (name, event = {}) => {
    let outcome;
    const waiting = [];
    const respondWith = (promise) => (outcome = promise);
    listeners[name]({ ...event, waitUntil: (promise) => waiting.push(promise), respondWith });
    const answer = await outcome;
    await Promise.all(waiting);
    return answer;
  };
  const open = (address, rest = {}, ids = {}) =>
    send("fetch", { request: { url: address, method: "GET", ...rest }, ...ids });
  const wait = (/** @type {number} */ seconds) => (clock += 1000 * seconds);
  return { send, open, caches, wait, registration: scope.registration };
}

/** A service worker that has taken over. */
async function inCharge(files, caches, tabs) {
  const started = worker(files, hostOf(files), caches, tabs);
  await started.send("install");
  await started.send("activate");
  return started;
}

/** A tab, or a worker of one, and what it was told. */
function client(id, type = "window") {
  const told = [];
  return { id, type, told, postMessage: (message) => told.push(message) };
}

const navigate = (worker, id) => worker.open(FOLDER, { mode: "navigate" }, { clientId: "", resultingClientId: id });
const textOf = async (worker, clientId, rest = {}) =>
  (await worker.open(`${FOLDER}app.js`, rest, { clientId })).text();
const versions = async ({ caches }) => (await caches.keys()).filter((name) => name.includes(" shell ")).length;

const hostOf =
  (files, headers = {}) =>
  async (address) =>
    new Response(files[new URL(address).pathname.slice("/path/".length)], { headers });

const OLD = { "index.html": "old page", "app.js": "old program" };
const NEW = { "index.html": "new page", "app.js": "new program" };

test("a host with some files of a new version fails its install, and the old page stays whole", async () => {
  const old = await inCharge(OLD);
  for (const mixture of [
    { ...NEW, "app.js": OLD["app.js"] },
    { ...OLD, "app.js": NEW["app.js"] },
  ]) {
    const next = worker(NEW, hostOf(mixture), old.caches);
    await assert.rejects(next.send("install"), /is not this version's/);
    assert.equal(await versions(old), 1);
    assert.equal(await (await old.open(FOLDER)).text(), "old page");
    assert.equal(await (await old.open(`${FOLDER}app.js`)).text(), "old program");
  }
  const whole = await inCharge(NEW, old.caches);
  assert.equal(await (await whole.open(`${FOLDER}?x#y`)).text(), "new page");
  assert.equal(await versions(old), 1);
});

test("a tab keeps the version that it was opened with, and is told of the new one", async () => {
  const tabs = [];
  const old = await inCharge(OLD, new FakeCaches(), tabs);
  assert.equal(await (await navigate(old, "reader")).text(), "old page");
  tabs.push(client("reader"));
  await old.open(
    `${FOLDER}app.js`,
    { destination: "worker" },
    { clientId: "reader", resultingClientId: "its worker" },
  );
  tabs.push(client("its worker", "worker"));

  const next = await inCharge(NEW, old.caches, tabs);
  assert.deepEqual([tabs[0].told, tabs[1].told], [["updated"], []]);
  for (const id of ["reader", "its worker"]) assert.equal(await textOf(next, id), "old program");
  // The same tab's next worker, after the change, is of its tab's version too.
  await next.open(
    `${FOLDER}app.js`,
    { destination: "worker" },
    { clientId: "reader", resultingClientId: "another" },
  );
  assert.equal(await textOf(next, "another"), "old program");
  assert.equal(await (await navigate(next, "newcomer")).text(), "new page");
  tabs.push(client("newcomer"));
  assert.equal(await textOf(next, "newcomer"), "new program");
  assert.deepEqual([tabs[2].told, await versions(next)], [[], 2]);

  tabs.splice(0, 2); // closed
  next.wait(61);
  assert.equal(await (await navigate(next, "last")).text(), "new page");
  assert.equal(await versions(next), 1);
  assert.equal(await textOf(next, "reader"), "new program"); // nobody's any more: the one that is kept
});

test("a tab whose page came before the new version, and whose program is asked for after, is whole and told", async () => {
  const tabs = [];
  const old = await inCharge(OLD, new FakeCaches(), tabs);
  assert.equal(await (await navigate(old, "opening")).text(), "old page");
  const next = await inCharge(NEW, old.caches, tabs); // the tab is not among the living yet
  tabs.push(client("opening"));
  assert.equal(await textOf(next, "opening", { destination: "script" }), "old program");
  assert.deepEqual(tabs[0].told, ["updated"]);
});

test("a tab that came before there was a worker has what the first one keeps", async () => {
  const tabs = [client("first visit")];
  const old = await inCharge(OLD, new FakeCaches(), tabs);
  assert.deepEqual(tabs[0].told, []);
  const next = await inCharge(NEW, old.caches, tabs);
  assert.deepEqual(tabs[0].told, ["updated"]);
  assert.equal(await textOf(next, "first visit"), "old program");
});

test("a tab of a worker that wrote nothing down has the version before", async () => {
  const tabs = [];
  const old = worker(OLD, hostOf(OLD), new FakeCaches(), tabs);
  await old.send("install");
  tabs.push(client("unwritten"));
  const next = await inCharge(NEW, old.caches, tabs);
  assert.deepEqual(tabs[0].told, ["updated"]);
  assert.equal(await textOf(next, "unwritten"), "old program");
});

test("a visit amid the install of a new version leaves that one's files alone", async () => {
  const old = await inCharge(OLD);
  const next = worker(NEW, hostOf(NEW), old.caches);
  await next.send("install");
  old.registration.waiting = {};
  await navigate(old, "reader");
  assert.equal(await versions(old), 2);
  await next.send("activate");
  assert.equal(await (await navigate(next, "another")).text(), "new page");
});

test("a tab is served where nothing can be written down", async () => {
  const caches = new FakeCaches();
  const only = worker(OLD, hostOf(OLD), caches, [client("reader")]);
  await only.send("install");
  caches.room = 0;
  assert.equal(await (await navigate(only, "reader")).text(), "old page");
  assert.equal(await textOf(only, "reader"), "old program");
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
