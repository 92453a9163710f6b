/** What several tests share. */

import { readFileSync } from "node:fs";

/** @param {string} path From the repository's root. */
export function readJson(path) {
  return JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
}

/** A character vocabulary as tf_gpt2.tokenizer makes it. */
export function characterTokenizer(characters = "却说曹操引兵，。\n") {
  const entries = ["<|endoftext|>"];
  for (let byte = 0; byte < 256; byte++) entries.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  for (const character of characters) entries.push(character);
  return {
    added_tokens: [{ id: 0, content: "<|endoftext|>", special: true }],
    normalizer: null,
    pre_tokenizer: null,
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    model: {
      type: "BPE",
      byte_fallback: true,
      merges: [],
      vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])),
    },
  };
}

/** What bundle.json says about a character vocabulary. */
export function tokenizerFacts(json = characterTokenizer()) {
  return { kind: "characters", end_of_text_id: 0, vocabulary_size: Object.keys(json.model.vocab).length };
}

/** A model's sampling settings as site.json has them, none of them like the product's defaults. */
export const GENERATION = {
  do_sample: true,
  temperature: 0.9,
  top_k: 30,
  top_p: 0.95,
  repetition_penalty: 1.1,
  max_new_tokens: 120,
  min_new_tokens: 0,
  no_repeat_ngram_size: 0,
  num_return_sequences: 2,
  avoid_copying: 0,
};

/** What a site.json may hold. */
export const SITE = {
  name: "红楼梦 GPT-2",
  books: ["红楼梦"],
  parameters: 1000,
  layers: 2,
  context: 48,
  unit: "character",
  validation_loss: null,
  date: "2026-01-31",
  generation: GENERATION,
  dtype: "int8",
  bytes: 12345,
  openings: ["却说"],
  samples: [{ book: "", prompt: "却说", text: "宝玉" }],
};
