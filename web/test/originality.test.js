import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { sha256 } from "../src/runtime/bundle/sha256.js";
import { Bits } from "../src/runtime/originality/bits.js";
import { openCopies, Reader } from "../src/runtime/originality/copies_file.js";
import { FmIndex } from "../src/runtime/originality/fm_index.js";
import { codePoints, hasRun, longestRuns } from "../src/runtime/originality/runs.js";
import { openOriginality } from "../src/runtime/originality/store.js";

/** Words of bits, the lowest first. */
function packed(bits) {
  const words = new Uint32Array(Math.ceil(bits.length / 32));
  bits.forEach((bit, at) => {
    if (bit) words[at >> 5] |= 1 << (at & 31);
  });
  return words;
}

/** The index of some texts, made as its definition has it: by sorting all suffixes. */
function indexOf(texts, rate = 4) {
  const whole = [...texts.map((text) => `${text}\0`).join("")];
  const starts = [0];
  for (const text of texts) starts.push(starts.at(-1) + [...text].length + 1);
  const codes = whole.map((character) => character.codePointAt(0));
  const compare = (one, other) => {
    let at = 0;
    while (codes[one + at] !== undefined && codes[one + at] === codes[other + at]) at++;
    return (codes[one + at] ?? -1) - (codes[other + at] ?? -1);
  };
  const rows = codes.map((_, at) => at).sort(compare);
  const symbols = [...new Set(codes)];
  const kept = codes.flatMap((_, at) =>
    at % rate === 0 || starts.slice(0, -1).includes(at) || starts.includes(at + 1) ? [at] : [],
  );
  const marked = rows.map((at) => kept.includes(at));
  const levels = Math.max(1, Math.ceil(Math.log2(symbols.length)));
  let numbers = rows.map((at) => symbols.indexOf(codes.at(at - 1)));
  const bits = [];
  for (let level = levels - 1; level >= 0; level--) {
    const of = (number) => (number >> level) & 1;
    bits.push(packed(numbers.map(of)));
    numbers = [...numbers.filter((number) => !of(number)), ...numbers.filter(of)];
  }
  const samples = rows.filter((at) => kept.includes(at)).map((at) => kept.indexOf(at));
  const counts = symbols.map((symbol) => codes.filter((code) => code === symbol).length);
  const arrays = [symbols, counts, samples].map((array) => Uint32Array.from(array));
  const titles = texts.map((_, at) => `book${at}`);
  const header = { rate, starts, titles, symbols: symbols.length, samples: samples.length, levels };
  return { header, arrays: [...arrays, packed(marked), ...bits] };
}

function bytesOf(arrays) {
  const bytes = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer), at);
    at += array.byteLength;
  }
  return bytes;
}

function open(texts) {
  const { header, arrays } = indexOf(texts);
  return new FmIndex(header, new Reader(bytesOf(arrays)));
}

let state = 1;
const below = (count) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % count;
};
const some = (letters, length) => {
  const characters = [...letters];
  return Array.from({ length }, () => characters[below(characters.length)]).join("");
};

test("ones are counted up to every place", () => {
  const bits = Array.from({ length: 700 }, (_, at) => (at > 300 && at < 400 ? 1 : below(2)));
  const counted = new Bits(packed(bits));
  let ones = 0;
  for (let at = 0; at <= bits.length; at++) {
    assert.equal(counted.rank(at), ones);
    if (at < bits.length) assert.equal(counted.at(at), bits[at]);
    ones += bits[at] ?? 0;
  }
});

test("the longest runs are those that looking at every place finds", () => {
  const texts = ["甲", some("甲乙", 150), some("甲乙𠮷", 90), "丙".repeat(60)];
  const index = open(texts);
  for (let round = 0; round < 60; round++) {
    const piece = [...texts[below(4)]].slice(below(20), 50).join("");
    const text = some(round % 2 ? "甲乙" : "甲乙丁𠮷", 10) + piece + some("甲乙丙", 9);
    const characters = [...text];
    const least = 3 + below(6);
    const there = (begin, end) => texts.some((one) => one.includes(characters.slice(begin, end).join("")));
    const expected = [];
    let reached = 0;
    for (let begin = 0; begin < characters.length; begin++) {
      let end = begin;
      while (end < characters.length && there(begin, end + 1)) end++;
      if (end > reached && end - begin >= least) expected.push([begin, end]);
      reached = Math.max(reached, end);
    }
    const found = longestRuns(index, codePoints(text), least);
    assert.deepEqual(
      found.map(({ begin, end }) => [begin, end]),
      expected,
    );
    assert.equal(hasRun(index, codePoints(text), least), expected.length > 0);
    for (const { begin, end, book, offset } of found) {
      const run = characters.slice(begin, end).join("");
      assert.equal([...texts[book]].slice(offset, offset + end - begin).join(""), run);
    }
  }
});

/** A site's folder with an index of some texts. */
async function siteOf(texts, model, corpus = "c") {
  const { header, arrays } = indexOf(texts);
  const whole = { ...header, format: "tf_gpt2-originality", version: 1, kind: "index", corpus: "c", least: 5 };
  const described = new TextEncoder().encode(JSON.stringify({ ...whole, unit: "characters", leastCharacters: 5 }));
  const padded = new Uint8Array(Math.ceil(described.length / 4) * 4);
  padded.set(described);
  const file = new Uint8Array(gzipSync(bytesOf([Uint32Array.of(described.length), padded, ...arrays])));
  const description = {
    format: "tf_gpt2-originality",
    version: 1,
    kind: "index",
    model,
    corpus,
    path: "copies.bin",
  };
  const found = { ...description, bytes: file.length, sha256: await sha256(file) };
  return { file, description: found, raw: new TextEncoder().encode(JSON.stringify(found)) };
}

test("an index of another corpus or model is refused", async () => {
  const { file, raw } = await siteOf(["甲乙丙丁戊"], "m");
  await assert.rejects(openCopies(file, "d"), { code: "originality_other" });
  await assert.rejects(openCopies(file.slice(0, 30), "c"), { code: "originality_damaged" });
  const fetch = async () => new Response(raw);
  const environment = { fetch, caches: undefined, wait: async () => {} };
  await assert.rejects(openOriginality("http://a/b/", "other", environment), { code: "originality_other" });
  const bad = { ...environment, fetch: async () => new Response("{}") };
  await assert.rejects(openOriginality("http://a/b/", "m", bad), { code: "originality_damaged" });
  assert.equal(await openOriginality("http://a/b/", "m", environment, { keptOnly: true }), null);
});

test("a whole index is opened, a damaged file never", async () => {
  const { file, raw } = await siteOf(["甲乙丙丁戊己庚"], "m");
  let sent = file;
  const fetch = async (/** @type {string} */ url) => new Response(url.includes("copies.bin") ? sent : raw);
  const environment = { fetch, caches: undefined, wait: async () => {} };
  const copies = await openOriginality("http://a/b/", "m", environment);
  assert.equal(longestRuns(copies.index, codePoints("新乙丙丁戊己新"), copies.leastCharacters)[0].offset, 1);
  sent = file.map((byte, at) => (at === 40 ? byte ^ 1 : byte));
  await assert.rejects(openOriginality("http://a/b/", "m", environment), { code: "wrong_hash" });
});
