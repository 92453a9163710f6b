/** What a file's source reads of its arrays, written here by hand; tests/web/test_offline_file.py has Python's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { openPayload, square, unpack } from "../src/views/file_source.js";

/** An array as a file has it, of numbers already in bytes. */
function packed(
  /** @type {string} */ dtype,
  /** @type {number[]} */ shape,
  /** @type {ArrayBuffer} */ buffer,
  form = {},
) {
  const count = shape.reduce((a, b) => a * b, 1);
  const bytes = new Uint8Array(buffer);
  const size = bytes.length / Math.max(1, count);
  const planes = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) planes[(i % size) * count + Math.floor(i / size)] = bytes[i];
  return { dtype, shape, data: deflateSync(planes).toString("base64"), ...form };
}

test("whole numbers and floats come back as they are", async () => {
  const whole = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
  assert.deepEqual([...(await unpack(packed("int32", [2, 2], Int32Array.from(whole).buffer)))], whole);
  const floats = Float32Array.of(0.1, -1e30, Number.NaN, 2 ** -149);
  assert.deepEqual(await unpack(packed("float32", [4], floats.buffer)), floats);
});

test("halves are read as IEEE 754 has them", async () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x8000, 0x3555);
  const expected = [1, -2, 65504, 2 ** -24, 2 ** -14, -0, 1365 / 4096];
  assert.deepEqual([...(await unpack(packed("float16", [7], bits.buffer)))], expected);
});

test("shares are parts of one, by a word or by the square of a byte", async () => {
  const words = await unpack(packed("uint16", [3], Uint16Array.of(0, 65535, 13107).buffer, { form: "share" }));
  assert.deepEqual([...words], [0, 1, Math.fround(0.2)]);
  const bytes = await unpack(packed("uint8", [3], Uint8Array.of(0, 255, 51).buffer, { form: "root" }));
  assert.deepEqual([...bytes], [0, 1, Math.fround(0.04)]);
});

test("an empty array is empty", async () => {
  assert.equal((await unpack(packed("float32", [0], new ArrayBuffer(0)))).length, 0);
});

test("triangles become squares with nothing above the diagonal", () => {
  const found = square(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 2, 3);
  assert.deepEqual([...found], [1, 0, 0, 2, 3, 0, 4, 5, 6, 7, 0, 0, 8, 9, 0, 10, 11, 12]);
});

/** @type {any} */
const PAYLOAD = {
  version: 1,
  title: "",
  language: null,
  views: ["lens"],
  shape: { layers: 1, heads: 1, headDim: 1, width: 1, vocabulary: 2 },
  settings: { temperature: 1, topK: 0, topP: 1 },
  window: { start: 3, total: 9 },
  tokens: [{ id: 1, text: "甲", bytes: false }],
  characters: ["甲"],
  texts: {},
  arrays: {},
};

test("what a file does not hold is said with a code that has its sentence", async () => {
  const source = openPayload(PAYLOAD, "en");
  for (const asked of [source.attention(0), source.lens(), source.candidates(0), source.surprise()]) {
    await assert.rejects(asked, { code: "absent" });
  }
});

test("a part of a longer text is named, a whole one is not", () => {
  assert.equal(openPayload(PAYLOAD, "en").note, "The whole text has 9 tokens; these are 4 to 4.");
  assert.match(openPayload(PAYLOAD, "zh").note ?? "", /第 4 到第 4 个/);
  assert.equal(openPayload({ ...PAYLOAD, window: { start: 0, total: 1 } }, "en").note, undefined);
});

test("a file of another version is refused", () => {
  assert.throws(() => openPayload({ ...PAYLOAD, version: 2 }, "en"), /version 2/);
});
