/** What can go wrong, in words for whoever calls the module. */

/** By code: those of runtime/trouble.js and the module's own. {detail} is filled in. @type {Record<string, string>} */
export const SENTENCES = {
  setting: "{detail}",
  disposed: "The model was disposed of; load it again to use it.",
  offline: "The model's files cannot be reached: {detail}. Check the address and the network, then load again.",
  missing_file: "The host lacks a file of the model: {detail}. Upload the whole folder of the bundle.",
  host_busy: "The host is too busy for the model's files: {detail}. Load again later.",
  host_fault: "The host failed to give a file of the model: {detail}. Load again later.",
  host_refuses: "The host refuses a file of the model: {detail}. Allow everyone to read the bundle.",
  led_away: "The host leads to another place than the model's files: {detail}. Give the bundle's own address.",
  web_page:
    "The host answers with a web page instead of a file of the model: {detail}. Check the bundle's address.",
  wrong_hash: "A file does not match its checksum and was thrown away: {detail}. Upload the bundle again.",
  bundle_version: "The bundle has format version {detail}, which this module does not read. Export both together.",
  bundle_damaged: "The bundle is damaged: {detail}. Export it again.",
  originality_other:
    "The index of the training text is of another model, or holds hashes: {detail}. Export it again.",
  originality_damaged: "The index of the training text is damaged: {detail}. Export it again.",
  no_webassembly: "WebAssembly is switched off in this browser, and nothing else works here.",
  wasm_forbidden:
    "A Content-Security-Policy forbids WebAssembly: {detail}. Add 'wasm-unsafe-eval' to the page's script-src.",
  program_missing: "A program file beside gpt2.js cannot be had: {detail}. Upload all files of the site.",
  scripts_forbidden:
    "A header of the page forbids the module's workers: {detail}. Allow them in its Content-Security-Policy.",
  not_offered: "This browser does not offer that way of computing: {detail}.",
  backend_failed: "This device has no way of computing that works: {detail}.",
  golden_mismatch:
    "The self-check failed: {detail}. This device computes wrong results, so the model was not opened.",
  device_lost: "The graphics card broke off: {detail}. Another way of computing is taken for what comes next.",
  out_of_memory: "There is not enough memory: {detail}. Dispose of models that are not needed.",
  worker_failed:
    "A program file beside gpt2.js did not start: {detail}. Upload all of them; the page's Content-Security-Policy " +
    "must allow them as workers.",
};

export class GPT2Error extends Error {
  /**
   * @param {string} code
   * @param {string} [detail]
   */
  constructor(code, detail = "") {
    const sentence = SENTENCES[code] ?? `Something unexpected happened (${code}): {detail}.`;
    super(sentence.replace("{detail}", () => detail));
    this.name = /** @type {const} */ ("GPT2Error");
    this.code = code;
    this.detail = detail;
    this.sentence = this.message;
  }
}
