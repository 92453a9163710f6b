/** Where the files lie that a worker was built beside. */

/** The address that relative ones are meant from; a worker that was started from a blob is told it. */
export function home() {
  return /** @type {any} */ (globalThis).gpt2Home ?? globalThis.location.href;
}

/** The address of a file beside the worker's own; relative where the browser itself knows what to. */
export function beside(/** @type {string} */ file) {
  const { gpt2Home } = /** @type {any} */ (globalThis);
  return gpt2Home ? new URL(file, gpt2Home).href : file;
}

/**
 * Starts a classic worker, whose file may lie on another origin: browsers take none from there, but a script of this
 * origin that fetches it.
 *
 * @param {string} file
 * @param {string} base What `file` is relative to; also where the worker looks for files of its own.
 * @returns {Worker}
 */
export function startWorker(file, base) {
  const url = new URL(file, base);
  if (url.origin === globalThis.location.origin) return new Worker(url);
  const script = `globalThis.gpt2Home = ${JSON.stringify(base)};\nimportScripts(${JSON.stringify(url.href)});\n`;
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(address);
  const loaded = () => URL.revokeObjectURL(address);
  for (const event of ["message", "error"]) worker.addEventListener(event, loaded, { once: true });
  return worker;
}
