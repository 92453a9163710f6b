import assert from "node:assert/strict";
import { test } from "node:test";
import { threefry, uniform } from "../src/runtime/writing/random_numbers.js";
import { readJson } from "./helpers.js";

test("the shared vectors of Python and JavaScript", () => {
  const { uniform: vectors } = readJson("tests/fixtures/random_vectors.json");
  assert.ok(vectors.length >= 5);
  for (const { seed, stream, sample, position, first_word, upper_24_bits } of vectors) {
    assert.equal(threefry([seed, stream], [position, sample])[0], first_word);
    assert.equal(uniform(seed, stream, sample, position), upper_24_bits / 2 ** 24);
  }
});

test("Random123's known answers for threefry2x32, 20 rounds", () => {
  assert.deepEqual(threefry([0, 0], [0, 0]), [0x6b200159, 0x99ba4efe]);
  const ones = 0xffffffff;
  assert.deepEqual(threefry([ones, ones], [ones, ones]), [0x1cb996fc, 0xbb002be7]);
});
