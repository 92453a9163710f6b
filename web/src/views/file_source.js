/**
 * A source whose numbers stand in a file. tf_gpt2/inspection/payload.py says what the file's object holds, and arrays.py
 * there how an array is written:
 *
 *     dtype   int32, float32, float16, uint16 or uint8, little endian
 *     shape   its dimensions
 *     form    "share": a uint16 is 65535 times a share of 1; "root": a uint8 is 255 times the root of one
 *     data    base64 of a zlib stream: the lowest byte of every number, then the next one of every number ...
 */

import { SourceError } from "./source.js";
import { text as sentence } from "./strings.js";

/**
 * @typedef {import("./source.js").Source} Source
 * @typedef {{dtype: string, shape: number[], form?: "share" | "root", data: string}} Packed
 *
 * @typedef {object} Payload
 * @property {number} version
 * @property {string} title
 * @property {import("./strings.js").Language | null} language Null leaves it to the reader's browser.
 * @property {string[]} views
 * @property {Source["shape"]} shape
 * @property {Source["settings"]} settings
 * @property {{start: number, total: number}} window In tokens of the whole text.
 * @property {import("./source.js").Token[]} tokens
 * @property {string[]} characters
 * @property {Record<string, string>} texts By id.
 * @property {Record<string, Packed>} arrays
 */

const VERSION = 1;

/**
 * Makes the source of a file's object. Arrays are unpacked when a view asks for them, each once.
 *
 * @param {Payload} payload
 * @param {import("./strings.js").Language} language Of the note.
 * @returns {Source}
 */
export function openPayload(payload, language) {
  if (payload.version !== VERSION) throw new Error(`version ${payload.version}`);
  const { tokens, shape, settings, texts, arrays } = payload;
  const { layers, heads, headDim } = shape;
  const length = tokens.length;
  /** @type {Map<string, Promise<any>>} */
  const unpacked = new Map();

  /** @returns {Promise<any>} */
  function array(/** @type {string} */ name) {
    const packed = arrays[name];
    if (!packed) return Promise.reject(new SourceError("absent", name));
    const known = unpacked.get(name) ?? unpack(packed);
    unpacked.set(name, known);
    return known;
  }

  async function projections(/** @type {number} */ layer) {
    const [queries, keys] = await Promise.all([array(`queries_${layer}`), array(`keys_${layer}`)]);
    // A file without the walk has no values; what shows them is not in it then.
    const known = arrays[`values_${layer}`];
    const values = known ? await array(`values_${layer}`) : new Float32Array(heads * length * headDim);
    return { queries, keys, values };
  }

  async function candidates(/** @type {number} */ position) {
    const [ids, logits, normalizers] = await Promise.all(
      ["candidate_ids", "candidate_logits", "log_normalizers"].map(array),
    );
    const count = arrays.candidate_ids.shape[1];
    const from = (position + 1) * count; // row 0 is what begins the text
    const chosen = ids.subarray(from, from + count);
    return {
      ids: chosen,
      texts: Array.from(chosen, (id) => texts[id]),
      logits: logits.subarray(from, from + count),
      logSumExp: normalizers[position + 1],
    };
  }

  async function lens(from = 0, to = length) {
    const [ids, probabilities] = await Promise.all([array("lens_ids"), array("lens_probabilities")]);
    const count = arrays.lens_ids.shape[2];
    return {
      ids: columns(ids, layers + 1, length, count, from, to),
      probabilities: columns(probabilities, layers + 1, length, count, from, to),
      texts,
    };
  }

  async function walk(/** @type {number} */ position) {
    const [embedding, place, hidden] = await Promise.all(
      ["token_vectors", "position_vectors", "hidden"].map(array),
    );
    const kept = arrays.hidden.shape[2];
    const vectors = (/** @type {Float32Array} */ numbers, /** @type {number} */ rows) =>
      widened(columns(numbers, rows, length, kept, position, position + 1), rows, kept, shape.width);
    return { embedding: vectors(embedding, 1), position: vectors(place, 1), hidden: vectors(hidden, layers + 1) };
  }

  return {
    tokens,
    shape,
    settings,
    note: note(payload, language),
    attention: async (layer) => square(await array(`attention_${layer}`), heads, length),
    projections,
    candidates,
    surprise: async () => {
      const [logProbabilities, ranks] = await Promise.all([array("log_probabilities"), array("ranks")]);
      return { logProbabilities, ranks };
    },
    lens,
    walk,
  };
}

/** What of a longer text a file shows; nothing where it shows all. */
function note(/** @type {Payload} */ { window, tokens }, /** @type {import("./strings.js").Language} */ language) {
  if (tokens.length === window.total) return undefined;
  const values = { from: window.start + 1, to: window.start + tokens.length, total: window.total };
  return sentence(language, "windowOfText", values);
}

/** Of [rows, all, width] the places `from` to `to` of the middle: [rows, to - from, width], a copy. */
function columns(
  /** @type {any} */ numbers,
  /** @type {number} */ rows,
  /** @type {number} */ all,
  /** @type {number} */ width,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const part = new numbers.constructor(rows * (to - from) * width);
  for (let row = 0; row < rows; row++) {
    part.set(numbers.subarray((row * all + from) * width, (row * all + to) * width), row * (to - from) * width);
  }
  return part;
}

/** [rows, kept] as [rows, width]; what is not kept is NaN. */
function widened(
  /** @type {Float32Array} */ numbers,
  /** @type {number} */ rows,
  /** @type {number} */ kept,
  /** @type {number} */ width,
) {
  const wide = new Float32Array(rows * width).fill(Number.NaN);
  for (let row = 0; row < rows; row++) wide.set(numbers.subarray(row * kept, (row + 1) * kept), row * width);
  return wide;
}

/** Lower triangles [H, T (T + 1) / 2] as [H, T, T], 0 above the diagonal. */
export function square(
  /** @type {Float32Array} */ triangles,
  /** @type {number} */ heads,
  /** @type {number} */ length,
) {
  const full = new Float32Array(heads * length * length);
  let from = 0;
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < length; row++) {
      full.set(triangles.subarray(from, from + row + 1), (head * length + row) * length);
      from += row + 1;
    }
  }
  return full;
}

/**
 * @param {Packed} packed
 * @returns {Promise<Float32Array | Int32Array>} Its numbers, row by row.
 */
export async function unpack({ dtype, shape, form, data }) {
  const bytes = await inflate(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  const count = shape.reduce((product, size) => product * size, 1);
  const size = bytes.length / Math.max(1, count);
  const words = new Uint32Array(count);
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0; i < count; i++) words[i] |= bytes[plane * count + i] << (8 * plane);
  }
  if (dtype === "int32") return new Int32Array(words.buffer);
  if (dtype === "float32") return new Float32Array(words.buffer);
  if (dtype === "float16") return Float32Array.from(words, half);
  if (form === "root") return Float32Array.from(words, (word) => (word / 255) ** 2);
  return Float32Array.from(words, (word) => word / 65535);
}

/** The number that the bits of a half-precision float stand for (IEEE 754, binary16). */
function half(/** @type {number} */ bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

async function inflate(/** @type {Uint8Array<ArrayBuffer>} */ packed) {
  if (typeof DecompressionStream === "undefined") throw new SourceError("old_browser");
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
