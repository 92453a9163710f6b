/**
 * Makes the page start without a network, and isolates it from other pages, which browsers ask for before threads may
 * share memory: a static host sends no headers for that. So the first visit is as the host has it, and the next ones are
 * isolated, without a reload; nothing in the page comes from elsewhere, so nothing is lost. `?threads=1` does without. The exporter puts a line before this file that names the page's own files
 * (export/site.py): self.SHELL = {version, files}. The model's files are none of its business; the worker keeps them.
 */

const scope = /** @type {any} */ (globalThis);
const { version, files } = scope.SHELL;
const folder = new URL(".", scope.location.href).href;
const prefix = `tf_gpt2 shell ${folder} `;
const current = prefix + version;

scope.addEventListener("install", (/** @type {any} */ event) => {
  const requests = files.map((/** @type {string} */ file) => new Request(folder + file, { cache: "reload" }));
  event.waitUntil(
    caches
      .open(current)
      .then((cache) => cache.addAll(requests))
      .then(() => scope.skipWaiting()),
  );
});

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
  if (request.method !== "GET" || !url.startsWith(folder) || !files.includes(file)) return;
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
