/**
 * What a browser offers, read so that a refusal counts as an absence: in a sandboxed frame, or where storage is
 * switched off, `caches`, `localStorage`, `indexedDB` and `navigator.serviceWorker` throw when they are merely read.
 *
 * @param {string} name
 * @param {any} [owner] Whose property it is.
 * @returns {any} Undefined where it is absent or refused.
 */
export function offered(name, owner = globalThis) {
  try {
    return owner?.[name] ?? undefined;
  } catch {
    return undefined;
  }
}
