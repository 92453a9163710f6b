/**
 * What can go wrong, each with a code that the page has a sentence for in every language (page/strings.js).
 *
 * @typedef {"offline" | "missing_file" | "host_busy" | "host_fault" | "host_refuses" | "led_away" | "web_page" |
 *   "wrong_hash" | "bundle_version" | "bundle_damaged" | "no_webassembly" | "wasm_forbidden" | "program_missing" |
 *   "scripts_forbidden" | "not_offered" | "originality_other" | "originality_damaged" |
 *   "backend_failed" | "golden_mismatch" | "device_lost" | "out_of_memory" | "worker_failed" | "unknown"} TroubleCode
 */

/** An error that a person can be told about. */
export class Trouble extends Error {
  /**
   * @param {TroubleCode} code
   * @param {string} [detail] What a maintainer wants to know: a file name, an engine's message.
   */
  constructor(code, detail = "") {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
  }
}

/**
 * @param {unknown} error Anything thrown.
 * @returns {Trouble}
 */
export function asTrouble(error) {
  if (error instanceof Trouble) return error;
  const message = error instanceof Error ? error.message : String(error);
  // A RangeError may be anything's; too deep a stack and too many arguments are such, and say nothing of the memory.
  const stack = /call stack|recursion|arguments/i.test(message);
  const memory = error instanceof RangeError ? !stack : /out of memory|allocation|Cannot enlarge/i.test(message);
  return new Trouble(memory ? "out_of_memory" : "unknown", message);
}
