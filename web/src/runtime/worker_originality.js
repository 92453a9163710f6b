/**
 * The worker in which the page looks for copies of the training text, so that no look holds it up.
 *
 * @typedef {{type: "open", url: string, model: string, keptOnly: boolean} | {type: "look", id: number, text: string}}
 *   Asked
 * @typedef {{type: "absent"} | {type: "opened"} | {type: "progress", loaded: number, total: number} |
 *   ({type: "runs", id: number} & ReturnType<typeof copiedRuns>) |
 *   {type: "error", code: import("./trouble.js").TroubleCode, detail: string}} Said `absent`: nothing is kept.
 */

import { offered } from "./offered.js";
import { copiedRuns } from "./originality/runs.js";
import { openOriginality } from "./originality/store.js";
import { asTrouble } from "./trouble.js";

const post = (/** @type {Said} */ message) => globalThis.postMessage(message);
/** @type {import("./originality/copies_file.js").Copies | null} */
let copies = null;

async function open(/** @type {Extract<Asked, {type: "open"}>} */ { url, model, keptOnly }) {
  const environment = { fetch: globalThis.fetch.bind(globalThis), caches: offered("caches") };
  const onProgress = (/** @type {number} */ loaded, /** @type {number} */ total) =>
    post({ type: "progress", loaded, total });
  copies = await openOriginality(url, model, environment, { onProgress, keptOnly });
  post({ type: copies ? "opened" : "absent" });
}

globalThis.onmessage = async (/** @type {MessageEvent<Asked>} */ { data }) => {
  try {
    if (data.type === "open") await open(data);
    else if (copies) post({ type: "runs", id: data.id, ...copiedRuns(copies, data.text) });
  } catch (error) {
    const { code, detail } = asTrouble(error);
    post({ type: "error", code, detail });
  }
};
