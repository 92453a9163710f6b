/**
 * Makes the page start without a network. The exporter puts a line before this file that names the page's own files
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
  event.respondWith(
    caches.open(current).then(async (cache) => (await cache.match(folder + file)) ?? fetch(request)),
  );
});
