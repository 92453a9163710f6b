import assert from "node:assert/strict";
import { test } from "node:test";
import { uniform } from "../src/runtime/writing/random_numbers.js";
import { draw, penaliseRepetition, topIds } from "../src/runtime/writing/sampler.js";

const plain = { temperature: 1, topK: 0, topP: 1 };

test("top ids: exactly k, by falling value, the lower id first among equals", () => {
  const logits = Float32Array.of(1, 3, 3, 2, 3);
  assert.deepEqual([...topIds(logits, 2)], [1, 2]);
  assert.deepEqual([...topIds(logits, 4)], [1, 2, 4, 3]);
  const many = Float32Array.from({ length: 1000 }, (_, i) => (i * 7919) % 101);
  const sorted = [...many.keys()].sort((a, b) => many[b] - many[a] || a - b);
  assert.deepEqual([...topIds(many, 128)], sorted.slice(0, 128));
  assert.deepEqual([...topIds(many, 500)], sorted.slice(0, 500));
});

test("greedy takes the likeliest whatever the number", () => {
  const logits = Float32Array.of(0, 5, 1);
  assert.equal(draw(logits, 0.999, { ...plain, temperature: 0 }), 1);
  assert.equal(draw(logits, 0.999, { ...plain, topK: 1 }), 1);
});

test("the draw inverts the cumulative distribution, borders included", () => {
  const logits = Float32Array.of(Math.log(1), Math.log(2), Math.log(1));
  // By falling logit: id 1 has [0, 0.5), id 0 has [0.5, 0.75), id 2 the rest.
  const drawn = [0, 0.49, 0.51, 0.74, 0.76, 0.9999999].map((random) => draw(logits, random, plain));
  assert.deepEqual(drawn, [1, 1, 0, 0, 2, 2]);
});

test("top-p keeps the candidate that reaches the share", () => {
  const logits = Float32Array.of(Math.log(0.6), Math.log(0.3), Math.log(0.1));
  const seen = (topP) => new Set(Array.from({ length: 200 }, (_, i) => draw(logits, i / 200, { ...plain, topP })));
  assert.deepEqual([...seen(0.5)], [0]);
  assert.deepEqual([...seen(0.65)].sort(), [0, 1]);
  assert.deepEqual([...seen(1)].sort(), [0, 1, 2]);
});

test("frequencies follow the softmax", () => {
  const shares = [0.5, 0.25, 0.15, 0.1];
  const logits = Float32Array.from(shares, (share) => 0.7 * Math.log(share));
  const counts = [0, 0, 0, 0];
  const draws = 20_000;
  for (let i = 0; i < draws; i++) counts[draw(logits, uniform(7, 0, 0, i), { ...plain, temperature: 0.7 })]++;
  // The seed is fixed, so this either always passes or never; five standard deviations would fail once in 10**6 seeds.
  for (const [id, share] of shares.entries()) {
    assert.ok(Math.abs(counts[id] / draws - share) < 5 * Math.sqrt((share * (1 - share)) / draws));
  }
});

test("the repetition penalty counts each id once and pushes both signs down", () => {
  const logits = Float32Array.of(2, -2, 1);
  penaliseRepetition(logits, [0, 0, 1], 2);
  assert.deepEqual([...logits], [1, -4, 1]);
});
