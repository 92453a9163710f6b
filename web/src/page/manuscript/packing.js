/** Data as letters that an address can carry: JSON, deflated where the browser can, in base64url. */

// An address of strangers must not fill the memory: nothing of ours comes near.
const MAX_PACKED = 200_000;
const MAX_BYTES = 4_000_000;

/** @param {any} value @returns {Promise<string>} */
export async function pack(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (typeof CompressionStream === "undefined") return `0${toLetters(bytes)}`;
  return `1${toLetters(await through(bytes, new CompressionStream("deflate-raw")))}`;
}

/**
 * @param {string} packed
 * @returns {Promise<any>}
 * @throws {Error} It is not what `pack` makes, or far too large.
 */
export async function unpack(packed) {
  if (packed.length > MAX_PACKED) throw new Error("too long");
  const bytes = fromLetters(packed.slice(1));
  if (packed[0] === "0") return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (packed[0] !== "1") throw new Error("another format");
  const whole = await through(bytes, new DecompressionStream("deflate-raw"));
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(whole));
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {CompressionStream | DecompressionStream} stream */
async function through(bytes, stream) {
  const writer = stream.writable.getWriter();
  // What goes wrong shows at the reader too.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const reader = /** @type {ReadableStream<Uint8Array>} */ (stream.readable).getReader();
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MAX_BYTES) {
      await reader.cancel();
      throw new Error("too large");
    }
    parts.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function toLetters(/** @type {Uint8Array} */ bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromLetters(/** @type {string} */ letters) {
  const text = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
