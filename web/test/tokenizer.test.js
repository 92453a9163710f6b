import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamDecoder, Tokenizer } from "../src/runtime/writing/tokenizer.js";
import { characterTokenizer, tokenizerFacts } from "./helpers.js";

test("characters: known ones are one id, others their bytes, and everything comes back", () => {
  const tokenizer = new Tokenizer(characterTokenizer(), tokenizerFacts());
  assert.equal(tokenizer.encode("却说").length, 2);
  assert.deepEqual(tokenizer.encode("A"), [1 + 0x41]);
  for (const text of ["却说曹操", "龘🐉 e\u0301", "<|endoftext|><0x41>", "\ufeff\u0000", "x".repeat(100_000)]) {
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  }
  assert.ok(!tokenizer.encode("<|endoftext|>").includes(tokenizer.endOfTextId));
  assert.deepEqual(tokenizer.encode("\ud800"), tokenizer.encode("\ufffd"));
});

test("a character spread over several tokens appears with the last one", () => {
  const tokenizer = new Tokenizer(characterTokenizer(), tokenizerFacts());
  const decoder = new StreamDecoder(tokenizer);
  const ids = tokenizer.encode("龘");
  assert.deepEqual(
    ids.map((id) => decoder.push(id)),
    ["", "", "龘"],
  );
  decoder.push(ids[0]);
  assert.equal(decoder.flush(), "\ufffd");
});

test("a vocabulary of 250,000 is no more than a call can take", () => {
  const many = Array.from({ length: 250_000 }, (_, place) => String.fromCodePoint(0x10000 + place));
  const characters = characterTokenizer(many);
  const words = Object.fromEntries(many.map((_, id) => [`w${id}`, id]));
  const other = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { type: "WordPiece", vocab: words, unk_token: "w0", continuing_subword_prefix: "##" },
  };
  for (const [json, facts, text] of [
    [characters, tokenizerFacts(characters), many[200_000]],
    [other, { kind: "other", end_of_text_id: 0, vocabulary_size: many.length }, "w249999"],
  ]) {
    const tokenizer = new Tokenizer(json, facts);
    const [id, ...rest] = tokenizer.encode(text);
    assert.ok(id >= 200_000 && !rest.length);
    assert.equal(tokenizer.decode([id]), text);
  }
});

test("byte-level BPE merges, decodes, and takes names of special tokens for text", () => {
  const vocab = { a: 0, b: 1, ab: 2, Ġ: 3, Ġab: 4, "<": 5, "|": 6, e: 7, "<|endoftext|>": 8 };
  const json = {
    added_tokens: [{ id: 8, content: "<|endoftext|>", special: true }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true },
    model: {
      type: "BPE",
      vocab,
      merges: [
        ["a", "b"],
        ["Ġ", "ab"],
      ],
      unk_token: null,
    },
  };
  const facts = { kind: "bpe", end_of_text_id: 8, vocabulary_size: 9 };
  const tokenizer = new Tokenizer(json, facts);
  assert.equal(tokenizer.endOfTextId, 8);
  assert.deepEqual(tokenizer.encode("ab ab"), [2, 4]);
  assert.equal(tokenizer.decode([2, 4]), "ab ab");
  assert.ok(!tokenizer.encode("<|e").includes(8));
  assert.deepEqual(tokenizer.encode(""), []);
});
