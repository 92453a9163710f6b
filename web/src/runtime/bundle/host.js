/** Asking a host for files: what its answers mean, and when asking again can help. */

import { Trouble } from "../trouble.js";

// Growing, so that a host in trouble is not asked all the more.
const PAUSES = [300, 1000, 3000];
// A host that wants a longer pause than this is left alone until the visitor asks again.
const LONGEST_PAUSE = 20_000;
// How often to ask in all. What is missing or damaged may be a stale cache on the way; a refusal stays one.
const TRIES = /** @type {Record<string, number>} */ ({
  offline: 4,
  host_busy: 4,
  host_fault: 4,
  missing_file: 2,
  wrong_hash: 2,
  web_page: 2,
});

/**
 * @typedef {typeof globalThis.fetch} Fetch
 * @typedef {(milliseconds: number) => Promise<unknown>} Wait
 */

/** A host's answer that is no file. */
export class HostTrouble extends Trouble {
  /**
   * @param {import("../trouble.js").TroubleCode} code
   * @param {string} detail
   * @param {number | null} pause Milliseconds that the host wants to be left alone, if it says so.
   */
  constructor(code, detail, pause) {
    super(code, detail);
    this.pause = pause;
  }
}

/**
 * One request.
 *
 * @param {string} address
 * @param {string} path Of the file, for a person.
 * @param {RequestInit} options
 * @param {Fetch} fetch
 * @returns {Promise<Response>} One that holds a file.
 * @throws {Trouble} Which says what the host did instead of giving one.
 */
export async function ask(address, path, options, fetch) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw await whyUnreachable(address, path, error, fetch);
  }
  if (!response.ok) throw refusal(response, path);
  return response;
}

/**
 * Asks again where that may help, after growing pauses or the one that the host wants.
 *
 * @template T
 * @param {(tried: number) => Promise<T>} attempt Is told how often it was tried before.
 * @param {Wait} [wait]
 * @returns {Promise<T>}
 */
export async function insist(attempt, wait = later) {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt(tried);
    } catch (error) {
      const pause = error instanceof Trouble ? pauseAfter(error, tried) : null;
      if (pause === null) throw error;
      await wait(pause);
    }
  }
}

function later(/** @type {number} */ milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @returns {number | null} Null when to give up. */
function pauseAfter(/** @type {Trouble} */ trouble, /** @type {number} */ tried) {
  if (tried + 1 >= (TRIES[trouble.code] ?? 1)) return null;
  const wanted = trouble instanceof HostTrouble ? trouble.pause : null;
  if (wanted !== null && wanted > LONGEST_PAUSE) return null;
  return Math.max(wanted ?? 0, PAUSES[tried]);
}

function refusal(/** @type {Response} */ response, /** @type {string} */ path) {
  const { status } = response;
  const header = response.headers.get("retry-after");
  const detail = `${path}, HTTP ${status}${header ? `, Retry-After: ${header}` : ""}`;
  if (status === 404 || status === 410) return new Trouble("missing_file", detail);
  if (status === 401 || status === 403 || status === 451) return new Trouble("host_refuses", detail);
  const busy = status === 429 || status === 503;
  return new HostTrouble(busy ? "host_busy" : "host_fault", detail, pauseOf(header));
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function pauseOf(/** @type {string | null} */ header) {
  if (!header) return null;
  const seconds = Number(header);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? null : Math.max(0, milliseconds);
}

/** A request that got no answer was perhaps led to another site, where the page may not follow. */
async function whyUnreachable(
  /** @type {string} */ address,
  /** @type {string} */ path,
  /** @type {unknown} */ error,
  /** @type {Fetch} */ fetch,
) {
  try {
    const { type } = await fetch(address, { redirect: "manual", cache: "no-store" });
    if (type === "opaqueredirect") return new Trouble("led_away", path);
  } catch {}
  return new Trouble("offline", `${path}: ${error}`);
}
