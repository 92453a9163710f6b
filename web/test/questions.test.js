import assert from "node:assert/strict";
import { test } from "node:test";
import { candidates, planWindows, score } from "../src/runtime/writing/questions.js";
import { Tokenizer } from "../src/runtime/writing/tokenizer.js";
import { Writer } from "../src/runtime/writing/writer.js";
import { characterTokenizer, tokenizerFacts } from "./helpers.js";

const tokenizer = new Tokenizer(characterTokenizer(), tokenizerFacts());
const never = async () => false;

/** Logits that tell everything that was read: id i has the i-th of numbers that depend on it. */
class TellingDecoder {
  read = [];
  async encode(ids) {
    this.read.push(...ids);
    assert.ok(this.read.length <= 8);
    return tellingLogits(this.read);
  }
  reset() {
    this.read = [];
  }
}

function tellingLogits(read) {
  const sum = read.reduce((total, id) => (total * 31 + id) % 9973, 1);
  return Float32Array.from({ length: tokenizer.vocabularySize }, (_, id) => ((sum * (id + 7)) % 101) / 10);
}

function softmax(logits) {
  const weights = Array.from(logits, (logit) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

test("windows predict every token once, as in Python", () => {
  assert.deepEqual(planWindows(0, 8), []);
  assert.deepEqual(planWindows(5, 8), [{ start: 0, length: 5, first: 0 }]);
  assert.deepEqual(planWindows(18, 8), [
    { start: 0, length: 8, first: 0 },
    { start: 4, length: 8, first: 4 },
    { start: 8, length: 8, first: 4 },
    { start: 10, length: 8, first: 6 },
  ]);
  for (const count of [1, 7, 8, 9, 23, 100]) {
    for (const context of [1, 2, 5, 8]) {
      const predicted = planWindows(count, context).flatMap(({ start, length, first }) =>
        Array.from({ length: length - first }, (_, i) => start + first + i),
      );
      assert.deepEqual(predicted, [...Array(count).keys()]);
    }
  }
});

test("a score is the logarithm of each token's share, in the first window that has it", async () => {
  const writer = new Writer(new TellingDecoder(), 8, 0);
  const text = "却说曹操引兵，却说曹操引兵，。曹操";
  const ids = tokenizer.encode(text);
  const sequence = [0, ...ids];
  const scored = await score(tokenizer, writer, text, never);
  const expected = planWindows(ids.length, 8).flatMap(({ start, length, first }) =>
    Array.from({ length: length - first }, (_, i) => {
      const shares = softmax(tellingLogits(sequence.slice(start, start + first + i + 1)));
      return Math.log(shares[sequence[start + first + i + 1]]);
    }),
  );
  assert.deepEqual([scored.ids, scored.tokens], [ids, [...text]]);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(scored.logProbabilities[i] - value) < 1e-6);
  assert.equal(scored.logProbabilities.length, expected.length);
  assert.deepEqual(await score(tokenizer, writer, "", never), { ids: [], tokens: [], logProbabilities: [] });
});

test("candidates are the largest shares, ties by rising id, and a stop leaves nothing behind", async () => {
  const writer = new Writer(new TellingDecoder(), 8, 0);
  const found = await candidates(tokenizer, writer, "曹操", 4, never);
  const shares = softmax(tellingLogits(tokenizer.encode("曹操")));
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, 4);
  assert.deepEqual(
    found.map(({ id }) => id),
    order,
  );
  for (const { id, text, probability } of found) {
    assert.ok(Math.abs(probability - shares[id]) < 1e-6);
    assert.equal(text, tokenizer.decode([id]));
  }
  assert.equal(await score(tokenizer, writer, "曹操", async () => true), null);
  assert.deepEqual(writer.encoded, []);
});
