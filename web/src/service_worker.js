/**
 * Makes the page start without a network, and isolates it from other pages, which browsers ask for before threads may
 * share memory: a static host sends no headers for that. So the first visit is as the host has it, and the next ones are
 * isolated, without a reload; nothing in the page comes from elsewhere, so nothing is lost. `?threads=1` does without.
 *
 * The exporter puts a line before this file that names the page's own files with their SHA-256 (export/browser/site.py):
 * self.SHELL = {version, files}. A host that has only some of a new version's files, or that changes them on the way, fails
 * the install, and the version before it stays whole. The model's files are none of its business; the worker keeps them.
 */

const scope = /** @type {any} */ (globalThis);
const { version, files } = scope.SHELL;
const folder = new URL(".", scope.location.href).href;
const prefix = `tf_gpt2 shell ${folder} `;
const current = prefix + version;
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
  const clean = async () => {
    for (const old of await caches.keys()) if (old.startsWith(prefix) && old !== current) await caches.delete(old);
    await scope.clients.claim();
  };
  event.waitUntil(clean());
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = request.url.replace(/[?#].*$/, "");
  const file = url === folder ? "index.html" : url.slice(folder.length);
  if (request.method !== "GET" || !url.startsWith(folder) || !Object.hasOwn(files, file)) return;
  const alone = new URL(request.url).searchParams.get("threads") === "1";
  event.respondWith(find(file, request).then((response) => (alone ? response : isolate(response))));
});

/** @returns {Promise<Response>} */
async function find(/** @type {string} */ file, /** @type {Request} */ request) {
  const kept = await caches
    .open(current)
    .then((cache) => cache.match(folder + file))
    .catch(() => undefined); // storage was switched off meanwhile
  return kept ?? fetch(request);
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
