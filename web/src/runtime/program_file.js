/** The page's own program files, as a host may give them: of whatever type, or refused by its own headers. */

import { ask, insist } from "./bundle/host.js";
import { beside } from "./home.js";
import { Trouble } from "./trouble.js";

// The smallest module there is: its header.
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const FILE_NAME = /^[\w-]+\.js$/;

/**
 * The bytes of a WebAssembly file. A host that does not know the type sends `application/octet-stream`, which browsers
 * refuse to compile while it comes; bytes are bytes.
 *
 * @param {string} file
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {Promise<ArrayBuffer>}
 * @throws {Trouble} "program_missing"
 */
export async function readWasm(file, fetch = globalThis.fetch.bind(globalThis)) {
  try {
    return await insist(async (tried) => {
      const response = await ask(beside(file), file, { cache: tried ? "reload" : "default" }, fetch);
      const bytes = await response.arrayBuffer();
      if (!isWasm(new Uint8Array(bytes))) throw new Trouble("web_page", `${file} is no WebAssembly`);
      return bytes;
    });
  } catch (error) {
    const detail = error instanceof Trouble ? error.detail : `${file}: ${error}`;
    throw new Trouble("program_missing", detail);
  }
}

function isWasm(/** @type {Uint8Array} */ bytes) {
  return EMPTY_MODULE.every((byte, place) => bytes[place] === byte);
}

/** @throws {Trouble} Where WebAssembly is switched off, or a header of the host forbids it. */
export function demandWebAssembly() {
  if (typeof WebAssembly !== "object") throw new Trouble("no_webassembly");
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (error) {
    throw new Trouble("wasm_forbidden", String(error));
  }
}

/** @type {{createScriptURL: (file: string) => any} | undefined} */
let policy;

/**
 * The name of one of the page's own scripts, as a worker is started with: under a host's "require-trusted-types-for" a
 * browser wants it to come from a policy.
 *
 * @param {string} file
 * @returns {string}
 */
export function scriptName(file) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (!trustedTypes) return file;
  try {
    policy ??= trustedTypes.createPolicy("tf_gpt2", { createScriptURL: ownScript });
  } catch {} // the host allows other policies only: starting the worker says so
  return policy ? policy.createScriptURL(file) : file;
}

function ownScript(/** @type {string} */ file) {
  if (!FILE_NAME.test(file)) throw new TypeError(`${file} is no script of this page`);
  return file;
}
