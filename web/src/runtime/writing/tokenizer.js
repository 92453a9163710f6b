/**
 * Text to ids and back from the bundle's tokenizer.json, as tf_gpt2/tokenizer.py does it: character vocabularies by
 * table, byte-level BPE and everything else by @huggingface/tokenizers. Text that spells a special token is text.
 * Which kind it is and which token ends a text, Python has decided (bundle.json).
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";

// What `tokenizers` takes for Chinese characters beyond U+FFFF.
const RARE_HAN =
  "[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]";
const utf8 = new TextEncoder();

/**
 * @typedef {Record<string, any>} Json
 * @typedef {import("../bundle/index_file.js").TokenizerFacts} TokenizerFacts
 */

export class Tokenizer {
  /**
   * @param {Json} json The content of tokenizer.json.
   * @param {TokenizerFacts} facts From bundle.json.
   */
  constructor(json, facts) {
    const added = /** @type {Json[]} */ (json.added_tokens ?? []);
    /** @type {[string, number][]} */
    const special = added.map((token) => [token.content, token.id]);
    /** @type {Map<string, number>} */
    const vocabulary = new Map([...vocabularyEntries(json.model.vocab), ...special]);
    this.vocabularySize = facts.vocabulary_size;
    /** Id of the token between documents. */
    this.endOfTextId = facts.end_of_text_id;
    this.kind = facts.kind;
    this.ids = vocabulary;
    this.pieces = this.kind === "other" ? null : bytesOfTokens(vocabulary, this.kind, added, this.vocabularySize);
    this.encoder = null;
    // Without its special tokens the library cannot find one in a text that merely spells its name; GPT2-Chinese's
    // line feed is an added token that is not special.
    const found = added.filter((token) => !token.special);
    if (this.kind !== "characters") this.encoder = library({ ...json, added_tokens: found });
    this.joiner = this.pieces ? null : new Joiner(json, new Set(vocabulary.values()));
  }

  /**
   * Encodes any string; lone surrogates count as U+FFFD.
   *
   * @param {string} text
   * @returns {number[]}
   */
  encode(text) {
    const whole = text.replace(/\p{Surrogate}/gu, "\ufffd");
    if (this.encoder) return whole ? this.encoder.encode(whole, { add_special_tokens: false }).ids : [];
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
    return /** @type {Joiner} */ (this.tokenizer.joiner).join(this.ids);
  }
}

/** Decodes tokens that are no byte strings, by the rules in tokenizer.json. */
class Joiner {
  /**
   * @param {Json} json The content of tokenizer.json.
   * @param {Set<number>} known All ids.
   */
  constructor(json, known) {
    this.library = library(json);
    this.known = known;
  }

  /** @param {number[]} ids Unknown ones are passed over. */
  join(ids) {
    const known = ids.filter((id) => this.known.has(id));
    return known.length ? this.library.decode(known, {}) : "";
  }
}

function library(/** @type {Json} */ json) {
  const whole = { ...json, normalizer: withRareHan(json.normalizer) };
  // The library cleans up what its decoder has cleaned up, unless told otherwise.
  return new LibraryTokenizer(whole, { clean_up_tokenization_spaces: false });
}

/**
 * The library's BertNormalizer goes by halves of surrogate pairs, so it misses Chinese characters beyond U+FFFF; here
 * each of them becomes a word before it.
 *
 * @param {Json | null} normalizer From tokenizer.json.
 * @returns {Json | null}
 */
function withRareHan(normalizer) {
  if (normalizer?.type === "Sequence") {
    return { ...normalizer, normalizers: normalizer.normalizers.map(withRareHan) };
  }
  if (normalizer?.type !== "BertNormalizer" || !normalizer.handle_chinese_chars) return normalizer;
  const spaced = { type: "Replace", pattern: { Regex: RARE_HAN }, content: " $& " };
  return { type: "Sequence", normalizers: [spaced, normalizer] };
}

/** @returns {Iterable<[string, number]>} */
function vocabularyEntries(/** @type {Json | any[]} */ vocabulary) {
  if (!Array.isArray(vocabulary)) return Object.entries(vocabulary);
  return vocabulary.map((entry, id) => [Array.isArray(entry) ? entry[0] : entry, id]); // Unigram
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
