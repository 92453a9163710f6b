import assert from "node:assert/strict";
import { test } from "node:test";
import { SentenceEnd } from "../src/runtime/writing/sentences.js";
import { readJson } from "./helpers.js";

const { cases } = readJson("tests/fixtures/sentence_vectors.json");

for (const { name, limit, pieces, kept } of cases) {
  test(`the shared vectors of Python and JavaScript: ${name}`, () => {
    const end = new SentenceEnd(limit);
    const certain = pieces.map((piece) => {
      assert.equal(end.ended, false);
      return end.push(piece);
    });
    assert.deepEqual([end.ended, end.kept], [true, kept]);
    assert.equal(certain.join(""), pieces.slice(0, kept).join(""));
  });
}

test("what was written before counts: a quotation mark closes a sentence of the run before", () => {
  const end = new SentenceEnd(1, "好。");
  assert.deepEqual([end.push("”"), end.push("他"), end.ended, end.kept], ["”", "", true, 1]);
});
