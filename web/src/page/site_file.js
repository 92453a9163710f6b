/** Fetches site.json, which tells the page what it is about. */

import { ask, insist } from "../runtime/bundle/host.js";
import { asTrouble, Trouble } from "../runtime/trouble.js";
import { wrongEntry } from "./site.js";

// What can be said of a host that does not give site.json; of anything else, that it is missing.
const SAID_OF_HOSTS = ["host_busy", "host_fault", "host_refuses", "led_away", "web_page"];

/**
 * @param {(code: string, detail: string) => void} complain
 * @returns {Promise<import("./site.js").Site | null>} Null when it cannot be used, about which it has complained.
 */
export async function readSite(complain) {
  let content;
  try {
    content = await insist(async () => {
      const response = await ask("site.json", "site.json", { cache: "no-cache" }, fetch);
      const body = await response.text();
      if (/^\s*</.test(body)) throw new Trouble("web_page", "site.json");
      return JSON.parse(body);
    });
  } catch (error) {
    const { code, detail } = asTrouble(error);
    complain(SAID_OF_HOSTS.includes(code) ? code : "site_missing", detail);
    return null;
  }
  const detail = wrongEntry(content);
  if (detail) complain("site_damaged", detail);
  return detail ? null : content;
}
