/**
 * Makes the page start without a network, and isolates it from other pages, which browsers ask for before threads may
 * share memory: a static host sends no headers for that. So the first visit is as the host has it, and the next ones are
 * isolated, without a reload; nothing in the page comes from elsewhere, so nothing is lost. `?threads=1` does without.
 *
 * The exporter puts a line before this file that names the page's own files with their SHA-256 (export/browser/site.py):
 * self.SHELL = {version, files}. A host that has only some of a new version's files, or that changes them on the way, fails
 * the install, and the version before it stays whole. The model's files are none of its business; the worker keeps them.
 *
 * A new version is in charge at once, and a reload brings it. A tab that was opened with the one before gets the rest of its
 * program from that one, and is told. So it is written down which version each tab and worker has, by its client's id (Service
 * Workers, 4.6.5 resultingClientId); a version is kept as long as somebody has it.
 */

const scope = /** @type {any} */ (globalThis);
const { version, files } = scope.SHELL;
const folder = new URL(".", scope.location.href).href;
const prefix = `tf_gpt2 shell ${folder} `;
const current = prefix + version;
const tabs = `tf_gpt2 tabs ${folder}`;
// A client that is being made is not among the living ones yet.
const BIRTH_MS = 60_000;
// Of a host's headers those that protect the page. A program's own policy is not kept: it would outlive its mending.
const FILE_HEADERS = ["Content-Type", "Cross-Origin-Resource-Policy", "X-Content-Type-Options"];
const PAGE_HEADERS = [...FILE_HEADERS, "Content-Security-Policy", "Referrer-Policy", "X-Frame-Options"];

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(install());
});

async function install() {
  const found = await Promise.all(Object.entries(files).map(([file, hash]) => fetchWhole(file, hash)));
  const cache = await caches.open(current);
  await Promise.all(found.map(([file, response]) => cache.put(folder + file, response)));
  await scope.skipWaiting();
}

/**
 * @returns {Promise<[string, Response]>} The file as it is to be kept.
 * @throws {Error} It is another one than this version's.
 */
async function fetchWhole(/** @type {string} */ file, /** @type {string} */ hash) {
  // The hash in the address keeps caches on the way from giving the former version.
  const response = await fetch(`${folder}${file}?v=${hash.slice(0, 16)}`, { cache: "reload" });
  const bytes = await response.arrayBuffer();
  if (!response.ok || (await sha256(bytes)) !== hash) throw new Error(`${file} is not this version's`);
  // Made anew: a browser refuses to open a page whose answer came by a redirect, as from hosts that lead /index.html to /.
  const headers = new Headers();
  for (const name of file === "index.html" ? PAGE_HEADERS : FILE_HEADERS) {
    const value = response.headers.get(name);
    if (value) headers.set(name, value);
  }
  if (file.endsWith(".wasm")) headers.set("Content-Type", "application/wasm");
  return [file, new Response(bytes, { headers })];
}

async function sha256(/** @type {ArrayBuffer} */ bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(takeOver());
});

async function takeOver() {
  await scope.clients.claim();
  // Nobody wrote down who came before there was a worker. Those have what the first one keeps, or the one before this.
  const former = (await caches.keys()).findLast((name) => name.startsWith(prefix) && name !== current);
  const theirs = former?.slice(prefix.length) ?? version;
  for (const { id } of await scope.clients.matchAll({ type: "all" })) {
    const known = await versionOf(id);
    if (!known) await note(id, theirs);
    if ((known ?? theirs) !== version) await tell(id);
  }
  await sweep();
}

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = request.url.replace(/[?#].*$/, "");
  const file = url === folder ? "index.html" : url.slice(folder.length);
  if (request.method !== "GET" || !url.startsWith(folder) || !Object.hasOwn(files, file)) return;
  const alone = new URL(request.url).searchParams.get("threads") === "1";
  event.respondWith(answer(event, file).then((response) => (alone ? response : isolate(response))));
});

async function answer(/** @type {any} */ event, /** @type {string} */ file) {
  const { request, clientId, resultingClientId } = event;
  const opens = request.mode === "navigate";
  const theirs = (!opens && (await versionOf(clientId))) || version;
  if (resultingClientId) event.waitUntil(note(resultingClientId, theirs).then(sweep));
  // As a tab opens, the version may change between its page and its program; later ones are told by takeOver.
  if (theirs !== version && request.destination === "script") event.waitUntil(tell(clientId));
  return (await kept(theirs, file)) ?? (await kept(version, file)) ?? fetch(request);
}

/** @returns {Promise<Response | undefined>} */
function kept(/** @type {string} */ version, /** @type {string} */ file) {
  return caches.match(folder + file, { cacheName: prefix + version }).catch(() => undefined); // storage was switched off
}

/** @returns {Promise<string | undefined>} Which version a tab or a worker was opened with. */
async function versionOf(/** @type {string} */ id) {
  const found = await caches.match(folder + id, { cacheName: tabs }).catch(() => undefined);
  return (await found?.json())?.version;
}

async function note(/** @type {string} */ id, /** @type {string} */ version) {
  try {
    const entries = await caches.open(tabs);
    await entries.put(folder + id, new Response(JSON.stringify({ version, since: Date.now() })));
  } catch {} // storage is full, or was switched off meanwhile
}

/** Tells a tab that there is a newer version; a worker has nobody to show it to. */
async function tell(/** @type {string} */ id) {
  const client = await scope.clients.get(id);
  if (client?.type === "window") client.postMessage("updated");
}

/** Forgets who is gone, and the versions that only they had. */
async function sweep() {
  const living = new Set((await scope.clients.matchAll({ type: "all" })).map((/** @type {any} */ { id }) => id));
  const used = new Set([current]);
  const entries = await caches.open(tabs);
  for (const { url } of await entries.keys()) {
    const entry = await (await entries.match(url))?.json();
    if (!entry) continue;
    if (living.has(url.slice(folder.length)) || Date.now() - entry.since < BIRTH_MS)
      used.add(prefix + entry.version);
    else await entries.delete(url);
  }
  const names = await caches.keys();
  // A version that is being installed is nobody's yet.
  if (scope.registration.installing || scope.registration.waiting) return;
  for (const name of names) if (name.startsWith(prefix) && !used.has(name)) await caches.delete(name);
}

/** The same answer with the headers of cross-origin isolation (HTML standard, "cross-origin isolated"). */
function isolate(/** @type {Response} */ response) {
  if (!response.ok) return response; // a redirect cannot be made anew
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
