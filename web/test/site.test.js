import assert from "node:assert/strict";
import { test } from "node:test";
import { wrongEntry } from "../src/page/site.js";
import { GENERATION, SITE } from "./helpers.js";

test("a whole site.json has no wrong entry, also with entries of a later version", () => {
  assert.equal(wrongEntry(SITE), "");
  assert.equal(wrongEntry({ ...SITE, validation_loss: 3.2, books: [], openings: [], samples: [], more: 1 }), "");
});

test("each entry is missed, and named", () => {
  for (const name of Object.keys(SITE)) {
    const { [name]: _, ...rest } = SITE;
    assert.equal(wrongEntry(rest), name);
  }
});

test("entries of a wrong type are named", () => {
  const wrong = {
    name: 7,
    books: "红楼梦",
    parameters: "1000",
    layers: null,
    unit: "word",
    validation_loss: "NaN",
    date: "yesterday",
    generation: { ...GENERATION, top_k: "40" },
    openings: [1],
    samples: [{ book: null, prompt: "却说", text: "宝玉" }],
  };
  for (const [name, value] of Object.entries(wrong)) assert.equal(wrongEntry({ ...SITE, [name]: value }), name);
});

test("what is no object at all lacks the first entry", () => {
  for (const content of [null, 3, "site", []]) assert.equal(wrongEntry(content), "name");
});

test("what JSON, an editor or a host may make of an entry is named and never thrown over", () => {
  for (const name of Object.keys(SITE)) {
    for (const value of [{ x: [] }, Number.NaN, true, [null], [[]], undefined]) {
      assert.equal(wrongEntry({ ...SITE, [name]: value }), name, `${name}: ${value}`);
    }
  }
});

test("where another model is compared, every sample must have its passage", () => {
  const samples = SITE.samples.map((sample) => ({ ...sample, other: "它写的" }));
  const compared = { name: "LSTM" };
  assert.equal(wrongEntry({ ...SITE, samples, compared }), "");
  assert.equal(wrongEntry({ ...SITE, samples: [...samples, SITE.samples[0]], compared }), "samples");
  for (const wrong of [{ name: 7 }, "LSTM", null]) {
    assert.equal(wrongEntry({ ...SITE, samples, compared: wrong }), "compared");
  }
});
