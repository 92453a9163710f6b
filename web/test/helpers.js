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
  entries.push(...characters);
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
