/** What to do when the host has a newer version of the model that is kept: never fetched unasked when it is large. */

import { fetchUpdate, findUpdate } from "../runtime/bundle/update.js";
import { offered } from "../runtime/offered.js";

export const UNASKED_BYTES = 5e6;
// How often a reader hears of a download that goes on in the background.
const STEPS = 10;

/**
 * Whether so many bytes may be fetched without a question.
 *
 * @param {number} bytes
 * @param {{saveData?: boolean} | undefined} [connection] The visitor's, who may have asked to save data.
 */
export function mayFetchUnasked(bytes, connection = offered("connection", offered("navigator"))) {
  return bytes <= UNASKED_BYTES && !connection?.saveData;
}

/**
 * Looks for a newer version, fetches a small one and asks about a large one. It is kept beside the one that writes, which
 * goes on; the next opening takes it.
 *
 * @param {string} url The bundle's folder, with a slash at its end.
 * @param {string} model Hash of the version in use.
 * @param {object} page
 * @param {(bytes: number) => void} page.onOffer There is one; `fetch` gets it.
 * @param {(loaded: number, total: number) => void} page.onProgress
 * @param {(storage: "stored" | "full" | "unavailable") => void} page.onKept
 * @param {(code: string, detail: string) => void} page.onFail What has come stays; the next try goes on there.
 * @param {import("../runtime/bundle/bundle.js").Environment} [environment]
 * @returns {Promise<(() => Promise<void>) | null>} Fetches it; null when there is none, or when it has been fetched.
 */
export async function offerUpdate(url, model, page, environment = browser()) {
  const update = await findUpdate(url, model, environment);
  if (!update) return null;
  const get = async () => {
    try {
      let said = -1;
      const progress = (/** @type {number} */ loaded, /** @type {number} */ total) => {
        const part = Math.floor((STEPS * loaded) / total);
        if (part !== said) page.onProgress(loaded, total);
        said = part;
      };
      page.onKept(await fetchUpdate(url, update, environment, progress));
    } catch (error) {
      const { code = "unknown", detail = String(error) } = /** @type {any} */ (error);
      page.onFail(code, detail);
    }
  };
  if (!mayFetchUnasked(update.bytes)) {
    page.onOffer(update.bytes);
    return get;
  }
  await get();
  return null;
}

function browser() {
  return { fetch: globalThis.fetch.bind(globalThis), caches: offered("caches") };
}
