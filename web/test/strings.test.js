import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { WORDS } from "../src/page/copies/words.js";
import { chooseLanguage } from "../src/page/language.js";
import { megabytes, STRINGS, text } from "../src/page/strings.js";

const names = (sentence) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("both languages have the same sentences with the same blanks", () => {
  for (const { en, zh } of [STRINGS, WORDS]) {
    assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort());
    for (const key of Object.keys(zh)) assert.deepEqual(new Set(names(en[key])), new Set(names(zh[key])), key);
  }
});

test("every sentence that index.html asks for exists", () => {
  const html = readFileSync(new URL("../src/index.html", import.meta.url), "utf8");
  for (const [, key] of html.matchAll(/data-(?:text|label)="(\w+)"/g)) assert.ok(key in STRINGS.zh, key);
});

test("every trouble of the runtime has a sentence", () => {
  const source = readFileSync(new URL("../src/runtime/trouble.js", import.meta.url), "utf8");
  const codes = [...source.split("*/")[0].matchAll(/"(\w+)"/g)].map(([, code]) => code);
  assert.ok(codes.length > 8);
  for (const code of codes) assert.ok(code in STRINGS.zh && code in STRINGS.en, code);
});

test("language, blanks, sizes", () => {
  assert.equal(chooseLanguage(["zh-TW", "en"]), "zh");
  assert.equal(chooseLanguage(["fr", "en-GB", "zh"]), "en");
  assert.equal(chooseLanguage(["fr"]), "en");
  assert.equal(text("en", "version", { n: "{n}" }), "Version {n}");
  assert.equal(megabytes(2_113_079), "2.1 MB");
});
