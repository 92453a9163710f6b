import assert from "node:assert/strict";
import { test } from "node:test";
import { describeAdapter, GraphicsChoice, MARGIN } from "../src/page/graphics_choice.js";

const CARD = { vendor: "maker", architecture: "seven", device: "", description: "" };
const READY = { backend: "kernels", storage: "stored", millisecondsPerToken: 10 };

const gpuOf = (info, rest = {}) => ({ requestAdapter: async () => info && { info, ...rest } });
const idle = async () => {};

function memory() {
  const content = new Map();
  const storage = {
    getItem: (key) => content.get(key) ?? null,
    setItem: (key, value) => content.set(key, value),
  };
  return () => storage;
}

/** A client whose challenges end as told, and that counts them. */
function clientThat(...outcomes) {
  return {
    asked: [],
    async challenge(...values) {
      this.asked.push(values);
      return outcomes.shift();
    },
  };
}

test("only a real graphics card counts", async () => {
  assert.equal(await describeAdapter(undefined), null);
  assert.equal(await describeAdapter(gpuOf(null)), null);
  assert.equal(await describeAdapter({ requestAdapter: () => Promise.reject(new Error("blocked")) }), null);
  assert.equal(await describeAdapter(gpuOf({ ...CARD, architecture: "swiftshader" })), null);
  assert.equal(await describeAdapter(gpuOf({ ...CARD, description: "llvmpipe (LLVM 15)" })), null);
  assert.equal(await describeAdapter(gpuOf({ ...CARD, isFallbackAdapter: true })), null);
  assert.equal(await describeAdapter(gpuOf(CARD, { isFallbackAdapter: true })), null);
  assert.equal(await describeAdapter(gpuOf(CARD)), "maker/seven//");
});

test("a card that wins is tried once and begins the next visit; another card or model is tried anew", async () => {
  const storage = memory();
  const client = clientThat(true, true, true);
  const choice = new GraphicsChoice("a", gpuOf(CARD), storage);
  assert.equal(await choice.remembered(), null);
  await choice.consider(client, READY, idle);
  await choice.consider(client, READY, idle);
  assert.deepEqual(client.asked, [["webgpu", 10 * MARGIN]]);
  assert.equal(await new GraphicsChoice("a", gpuOf(CARD), storage).remembered(), "webgpu");
  const otherCard = new GraphicsChoice("a", gpuOf({ ...CARD, architecture: "eight" }), storage);
  assert.equal(await otherCard.remembered(), null);
  assert.equal(await new GraphicsChoice("b", gpuOf(CARD), storage).remembered(), null);
  await otherCard.consider(client, READY, idle);
  assert.equal(client.asked.length, 2);
});

test("a card that loses, or fails later, is left alone", async () => {
  const storage = memory();
  const client = clientThat(false);
  await new GraphicsChoice("a", gpuOf(CARD), storage).consider(client, READY, idle);
  const later = new GraphicsChoice("a", gpuOf(CARD), storage);
  await later.consider(client, READY, idle);
  assert.deepEqual([client.asked.length, await later.remembered()], [1, null]);

  const lucky = new GraphicsChoice("b", gpuOf(CARD), storage);
  await lucky.consider(clientThat(true), READY, idle);
  assert.equal(await lucky.remembered(), "webgpu");
  lucky.failed();
  assert.equal(await lucky.remembered(), null);
  await lucky.consider(client, READY, idle);
  assert.equal(client.asked.length, 1);
});

test("a card that takes the tab down is not tried again", async () => {
  const storage = memory();
  const crash = { challenge: () => new Promise(() => {}) };
  new GraphicsChoice("a", gpuOf(CARD), storage).consider(crash, READY, idle);
  await new Promise((resolve) => setImmediate(resolve));
  const client = clientThat(true);
  await new GraphicsChoice("a", gpuOf(CARD), storage).consider(client, READY, idle);
  assert.equal(client.asked.length, 0);
});

test("it is tried when nothing is being written, and only with the files on the device", async () => {
  const client = clientThat(true, true);
  let rest = () => {};
  const running = new Promise((resolve) => {
    rest = resolve;
  });
  const considered = new GraphicsChoice("a", gpuOf(CARD), memory()).consider(client, READY, () => running);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(client.asked.length, 0);
  rest();
  await considered;
  assert.equal(client.asked.length, 1);
  const choice = new GraphicsChoice("a", gpuOf(CARD), memory());
  await choice.consider(client, { ...READY, storage: "full" }, idle);
  await choice.consider(client, { ...READY, backend: "webgpu" }, idle);
  assert.equal(client.asked.length, 1);
});

test("a store that is switched off or damaged does no harm", async () => {
  const off = () => {
    throw new Error("SecurityError");
  };
  const client = clientThat(true);
  const choice = new GraphicsChoice("a", gpuOf(CARD), off);
  assert.equal(await choice.remembered(), null);
  await choice.consider(client, READY, idle);
  choice.failed();
  assert.equal(client.asked.length, 1);
  for (const damaged of ["{", "null", "7"])
    assert.equal(await new GraphicsChoice("a", gpuOf(CARD), () => ({ getItem: () => damaged })).remembered(), null);
});
