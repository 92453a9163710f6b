/** The kernel against the sampler's own search, ties included. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { asCandidates } from "../src/runtime/int8/kernel_decoder.js";
import { MAX_INSERTION, topIds } from "../src/runtime/writing/sampler.js";
import { at, normal, put, room, useKernels } from "./kernel_setup.js";

const kernels = useKernels();

function topK(values, k) {
  const logits = put(values);
  const out = room(Int32Array, 2 * k);
  kernels.topK(at(logits), logits.length, k, at(out), at(out) + 4 * k);
  return asCandidates(out);
}

const rising = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
const tied = Float32Array.from({ length: 1000 }, (_, i) => (i * 7919) % 101);

for (const [name, values] of [
  ["13,317 logits", normal(13_317, 3)],
  ["a length that fills no group", normal(77, 3, 2)],
  ["fewer than a group", normal(5, 1, 3)],
  ["one", normal(1)],
  ["rising numbers", rising],
  ["falling numbers", rising.toReversed()],
  ["numbers that are often equal", tied],
  ["nothing but equals", new Float32Array(100).fill(-1)],
  ["the largest at the end", Float32Array.of(...new Float32Array(1005), 3, 2, 4)],
  ["none that can be drawn but one", Float32Array.of(...new Array(50).fill(-Infinity), 1, -Infinity)],
]) {
  test(`top k of ${name}`, () => {
    for (const k of [1, 2, 40, MAX_INSERTION].map((wanted) => Math.min(wanted, values.length))) {
      const { ids, logits } = topK(values, k);
      const expected = topIds(values, k);
      assert.deepEqual(ids, expected);
      assert.deepEqual(
        logits,
        Float32Array.from(expected, (id) => values[id]),
      );
    }
  });
}
