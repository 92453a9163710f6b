import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ModelClient } from "../src/page/model_client.js";
import { offered } from "../src/runtime/offered.js";
import { demandWebAssembly, readWasm, scriptName } from "../src/runtime/program_file.js";
import { canShareMemory, roomFor, SharedMemory } from "../src/runtime/threads/shared_memory.js";
import { asTrouble } from "../src/runtime/trouble.js";
import { observe } from "./fake_worker.js";

const { WebAssembly: whole } = globalThis;
const { structuredClone: clone } = globalThis;

afterEach(() => {
  Object.assign(globalThis, { WebAssembly: whole, structuredClone: clone });
  delete globalThis.crossOriginIsolated;
  delete globalThis.trustedTypes;
});

test("what throws when it is read counts as absent", () => {
  const frame = {
    get caches() {
      throw new DOMException("sandboxed", "SecurityError");
    },
    here: 1,
    nothing: null,
  };
  assert.deepEqual(
    ["caches", "here", "nothing", "other"].map((name) => offered(name, frame)),
    [undefined, 1, undefined, undefined],
  );
  assert.equal(offered("caches", undefined), undefined);
});

test("memory that cannot be made or sent means no threads, and no word about it", () => {
  assert.ok(!canShareMemory()); // not isolated
  globalThis.crossOriginIsolated = true;
  const first = () => {
    const { client, log } = observe(ModelClient);
    client.load();
    return [client.backend, log];
  };
  globalThis.structuredClone = (value) => value; // Node sends no memory
  assert.deepEqual(first(), ["threads", []]);
  globalThis.structuredClone = () => {
    throw new DOMException("no", "DataCloneError");
  };
  assert.deepEqual(first(), ["kernels", []]);
  globalThis.structuredClone = (value) => value;
  globalThis.WebAssembly = { ...whole, Memory: undefined, Module: whole.Module };
  assert.deepEqual(first(), ["kernels", []]);
});

test("a speed-up that a worker does not find is passed over silently, one that breaks is not", () => {
  globalThis.crossOriginIsolated = true;
  globalThis.structuredClone = (value) => value;
  for (const [code, said] of [
    ["not_offered", []],
    ["backend_failed", ["switch"]],
  ]) {
    const { client, log, workers } = observe(ModelClient);
    client.load();
    workers[0].say({ type: "error", id: null, code, detail: "why" });
    assert.equal(client.backend, "kernels");
    assert.deepEqual(
      log.map(([name]) => name),
      said,
    );
  }
});

test("shared memory has room for what it is made for, and no more", () => {
  const need = [1, 64, 65_536, 100_000];
  const memory = new SharedMemory(need.reduce((sum, bytes) => sum + roomFor(bytes), 0));
  for (const bytes of need) memory.take(bytes);
  assert.throws(() => memory.take(65_536), RangeError);
  assert.throws(() => new SharedMemory(2 ** 33), { code: "not_offered" });
});

test("bytes of a .wasm file of any type; a page or nothing is named", async () => {
  const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const answer = (body, status = 200, type = "application/octet-stream") => {
    const headers = { "content-type": type };
    return readWasm("kernels.wasm", async () => new Response(body, { status, headers }));
  };
  assert.equal((await answer(module)).byteLength, 8);
  for (const wrong of [["<!doctype html>", 200, "text/html"], ["", 404], [""]]) {
    await assert.rejects(answer(...wrong), { code: "program_missing", detail: /^kernels\.wasm/ });
  }
});

test("WebAssembly that a header forbids is not the device's fault", () => {
  demandWebAssembly();
  const Module = class {
    constructor() {
      throw new whole.CompileError("violates the following Content Security policy directive");
    }
  };
  globalThis.WebAssembly = { Module };
  assert.throws(demandWebAssembly, { code: "wasm_forbidden" });
  globalThis.WebAssembly = undefined;
  assert.throws(demandWebAssembly, { code: "no_webassembly" });
});

test("a worker that a header forbids is said at once, and no other is tried", () => {
  const { client, log } = observe(ModelClient);
  client.startWorker = () => {
    throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
  };
  client.load();
  assert.deepEqual(
    log.map(([name, code]) => [name, code]),
    [["fail", "scripts_forbidden"]],
  );
});

test("scripts are the page's own, by a policy where the browser asks for one", () => {
  assert.equal(scriptName("worker.js"), "worker.js");
  globalThis.trustedTypes = { createPolicy: (name, { createScriptURL }) => ({ name, createScriptURL }) };
  assert.equal(scriptName("worker.js"), "worker.js");
  assert.throws(() => scriptName("https://other/worker.js"), TypeError);
});

test("a stack that is too deep is not called a want of memory", () => {
  const overflow = () => overflow();
  try {
    overflow();
  } catch (error) {
    assert.equal(asTrouble(error).code, "unknown");
  }
  assert.equal(asTrouble(new RangeError("Array buffer allocation failed")).code, "out_of_memory");
});
