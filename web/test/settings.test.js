import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings, parseField, readLink } from "../src/page/settings.js";
import { GENERATION } from "./helpers.js";

const defaults = defaultSettings({ ...GENERATION, max_new_tokens: 1e9 });

test("defaults come from the model and stay in range", () => {
  assert.deepEqual(defaults, {
    temperature: 0.9,
    topK: 30,
    topP: 0.95,
    repetitionPenalty: 1.1,
    maxNewTokens: 2000,
    avoidCopying: 0,
    finishSentence: true,
    versions: 2,
    seed: null,
  });
});

test("a link's settings win over the model's, which fill what it leaves out", () => {
  const { settings } = readLink("#t=0.5&v=1", defaults);
  assert.deepEqual(settings, { ...defaults, temperature: 0.5, versions: 1 });
});

test("a link of before brings prompt, settings and seed", () => {
  const prompt = "却说 <script>alert(1)</script> & # ? 100%\n次日";
  const values = { p: prompt, t: "0.75", seed: "4294967295", v: "3", finish: "0" };
  const settings = { ...defaults, temperature: 0.75, seed: 4_294_967_295, versions: 3, finishSentence: false };
  assert.deepEqual(readLink(`#${new URLSearchParams(values)}`, defaults), { prompt, settings, notice: "" });
});

test("a text may contain the character for what cannot be read, and a percent sign", () => {
  const parameters = new URLSearchParams({ p: "却\ufffd说 100%" });
  assert.deepEqual(readLink(`#${parameters}`, defaults).notice, "");
  assert.deepEqual(readLink("#p=100%", defaults).notice, "");
});

test("a seed without a word about sentences is of a link from before there was one", () => {
  assert.equal(readLink("#p=a&seed=7", defaults).settings.finishSentence, false);
  assert.equal(readLink("#p=a&seed=7&finish=1", defaults).settings.finishSentence, true);
  assert.equal(readLink("#t=0.5", defaults).settings.finishSentence, true);
});

test("hostile numbers are forced into range, and said so", () => {
  const link = readLink("#t=1e999&k=-5&tp=0&n=99999999999&v=1e9&seed=-1&rp=NaN", defaults);
  const { temperature, topK, topP, maxNewTokens, versions, seed, repetitionPenalty } = link.settings;
  assert.deepEqual([temperature, topK, topP, maxNewTokens, versions, seed], [2, 0, 0.05, 2000, 4, 0]);
  assert.equal(repetitionPenalty, defaults.repetitionPenalty);
  assert.equal(link.notice, "link_adjusted");
});

test("what is no link of ours is left alone; what is no UTF-8 is refused", () => {
  assert.equal(readLink("", defaults), null);
  assert.equal(readLink("#settings", defaults), null);
  assert.equal(readLink("#p=%ff%fe", defaults).notice, "link_damaged");
});

test("a long opening is cut by whole characters", () => {
  const link = readLink(`#p=${"🐉".repeat(900)}`, defaults);
  assert.deepEqual([link.prompt, link.notice], ["🐉".repeat(800), "link_adjusted"]);
});

test("fields: an empty seed is none, nonsense is nothing", () => {
  assert.equal(parseField("seed", " "), null);
  assert.equal(parseField("temperature", "warm"), undefined);
  assert.equal(parseField("topK", "3.6"), 4);
  assert.equal(parseField("__proto__", "1"), undefined);
});
