/**
 * Text to ids and back from the bundle's tokenizer.json, as tf_gpt2/tokenizer.py does it: character vocabularies by
 * table, byte-level BPE and everything else by @huggingface/tokenizers. Text that spells a special token is text.
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";

const END_NAMES = ["<|endoftext|>", "[SEP]", "</s>", "<eos>"];
const utf8 = new TextEncoder();

/** @typedef {Record<string, any>} Json */

export class Tokenizer {
  /** @param {Json} json The content of tokenizer.json. */
  constructor(json) {
    const added = /** @type {Json[]} */ (json.added_tokens ?? []);
    /** @type {[string, number][]} */
    const special = added.map((token) => [token.content, token.id]);
    /** @type {Map<string, number>} */
    const vocabulary = new Map([...vocabularyEntries(json.model.vocab), ...special]);
    /** @type {number} */
    this.vocabularySize = Math.max(...vocabulary.values()) + 1;
    const end = END_NAMES.find((name) => vocabulary.has(name));
    /** @type {number} Id of the token between documents. */
    this.endOfTextId = vocabulary.get(end ?? "") ?? -1;
    /** @type {"characters" | "bpe" | "other"} */
    this.kind = kindOf(json);
    this.ids = vocabulary;
    this.pieces = this.kind === "other" ? null : bytesOfTokens(vocabulary, this.kind, added, this.vocabularySize);
    this.library = null;
    if (this.kind !== "characters") {
      // Without its added tokens the library cannot find one in a text that merely spells its name.
      this.library = new LibraryTokenizer({ ...json, added_tokens: [] }, {});
    }
  }

  /**
   * Encodes any string; lone surrogates count as U+FFFD.
   *
   * @param {string} text
   * @returns {number[]}
   */
  encode(text) {
    const whole = text.replace(/\p{Surrogate}/gu, "\ufffd");
    if (this.library) return whole ? this.library.encode(whole, { add_special_tokens: false }).ids : [];
    /** @type {number[]} */
    const ids = [];
    for (const character of whole) {
      const id = this.ids.get(character);
      if (id !== undefined) ids.push(id);
      else for (const byte of utf8.encode(character)) ids.push(this.ids.get(byteEntry(byte)) ?? 0);
    }
    return ids;
  }

  /** @param {number[]} ids */
  decode(ids) {
    const decoder = new StreamDecoder(this);
    return ids.map((id) => decoder.push(id)).join("") + decoder.flush();
  }
}

/** Decodes ids as they come; a character spread over several tokens appears with its last one. */
export class StreamDecoder {
  /** @param {Tokenizer} tokenizer */
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
    // Tokens that are no byte strings (WordPiece) are joined by rules of their own: there all ids so far are decoded.
    /** @type {number[]} */
    this.ids = [];
    this.text = "";
  }

  /**
   * @param {number} id
   * @returns {string} The text that the token completes.
   */
  push(id) {
    if (this.tokenizer.pieces) return this.utf8.decode(this.tokenizer.pieces[id], { stream: true });
    this.ids.push(id);
    const text = this.joined();
    if (text.endsWith("\ufffd")) return "";
    const fresh = text.slice(this.text.length);
    this.text = text;
    return fresh;
  }

  /** @returns {string} What was held back. */
  flush() {
    if (this.tokenizer.pieces) return this.utf8.decode();
    return this.joined().slice(this.text.length);
  }

  /** @private */
  joined() {
    const library = /** @type {LibraryTokenizer} */ (this.tokenizer.library);
    return this.ids.length ? library.decode(this.ids, {}) : "";
  }
}

/** @returns {Iterable<[string, number]>} */
function vocabularyEntries(/** @type {Json | any[]} */ vocabulary) {
  if (!Array.isArray(vocabulary)) return Object.entries(vocabulary);
  return vocabulary.map((entry, id) => [Array.isArray(entry) ? entry[0] : entry, id]); // Unigram
}

function kindOf(/** @type {Json} */ json) {
  const { model, pre_tokenizer: before, normalizer, decoder } = json;
  if (model.type !== "BPE" || normalizer) return "other";
  if (!before && model.byte_fallback && !model.merges.length) return "characters";
  return before?.type === "ByteLevel" && decoder?.type === "ByteLevel" ? "bpe" : "other";
}

function byteEntry(/** @type {number} */ byte) {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The bytes of every token by id. */
function bytesOfTokens(
  /** @type {Map<string, number>} */ vocabulary,
  /** @type {string} */ kind,
  /** @type {Json[]} */ added,
  /** @type {number} */ size,
) {
  const literal = new Set(added.map((token) => token.content));
  const alphabet = new Map(byteLevelAlphabet().map((shown, byte) => [shown, byte]));
  const bytes = new Map(Array.from({ length: 256 }, (_, byte) => [byteEntry(byte), byte]));
  const pieces = Array.from({ length: size }, () => new Uint8Array());
  for (const [entry, id] of vocabulary) {
    const byte = kind === "characters" ? bytes.get(entry) : undefined;
    if (byte !== undefined) pieces[id] = Uint8Array.of(byte);
    else if (kind === "characters" || literal.has(entry)) pieces[id] = utf8.encode(entry);
    else pieces[id] = Uint8Array.from([...entry].flatMap((shown) => alphabet.get(shown) ?? []));
  }
  return pieces;
}

/** The character that GPT-2's vocabulary shows for each byte (openai/gpt-2, src/encoder.py, bytes_to_unicode). */
function byteLevelAlphabet() {
  const printable = (/** @type {number} */ b) =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}
