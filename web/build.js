/** Builds the page into dist/: node build.js. Nothing in dist/ is fetched from anywhere but its own folder. */

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compileKernels, SHARED } from "./compile_kernels.js";

/** A path beside this file; on Windows the address of a file is not its path. */
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const DIST = here("./dist/");
const WASM = here("./node_modules/@tensorflow/tfjs-backend-wasm/dist/");

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST);
/** @type {import("esbuild").BuildOptions} */
const options = {
  absWorkingDir: here("."),
  outdir: DIST,
  bundle: true,
  minify: true,
  platform: "browser",
  target: "es2022",
  legalComments: "eof",
  logLevel: "warning",
};
await build({
  ...options,
  entryPoints: {
    app: "src/page/app.js",
    worker_wasm: "src/runtime/worker_wasm.js",
    worker_threads: "src/runtime/worker_threads.js",
    thread_helper: "src/runtime/thread_helper.js",
    worker_webgl: "src/runtime/worker_webgl.js",
    worker_webgpu: "src/runtime/worker_webgpu.js",
    worker_originality: "src/runtime/worker_originality.js",
    service_worker: "src/service_worker.js",
    style: "src/style.css",
  },
  // Classic scripts: a module would not even start when the page is opened from a folder, and could not say why.
  format: "iife",
  // tfjs asks for these only in Node, behind a check.
  external: ["node-fetch", "util", "fs", "path", "worker_threads", "perf_hooks", "os", "string_decoder"],
});
// What is fetched when somebody looks inside the model, or for copies, and not before.
await build({
  ...options,
  entryPoints: {
    inside: "src/views/in_page.js",
    inside_style: "src/views/views.css",
    originality: "src/page/copies/panel.js",
    originality_style: "src/page/copies/originality.css",
  },
  format: "esm",
});
// The same views with their numbers in one file: tf_gpt2/inspection puts both into a page that needs no network.
await build({
  ...options,
  entryPoints: [
    { in: "src/views/offline.js", out: "inspect" },
    { in: "src/views/offline.css", out: "inspect" },
  ],
  format: "iife",
});
// For other people's pages: a module, and an element that imports it from beside itself.
await build({
  ...options,
  entryPoints: { gpt2: "src/module/index.js", "gpt2-writer": "src/module/element.js" },
  format: "esm",
  external: ["./gpt2.js"],
});
await cp(here("./src/module/types/gpt2.d.ts"), `${DIST}gpt2.d.ts`);
await cp(here("./src/index.html"), `${DIST}index.html`);
await cp(here("./src/icon.svg"), `${DIST}icon.svg`);
for (const name of ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"]) await cp(WASM + name, DIST + name);
await compileKernels(`${DIST}kernels.wasm`);
await compileKernels(`${DIST}kernels_shared.wasm`, SHARED);

// What the page consists of, so that an export of half a page, or of two halves, is noticed: export/browser/site.py.
/** @type {Record<string, string>} */
const list = {};
for (const name of (await readdir(DIST)).sort()) {
  list[name] = createHash("sha256")
    .update(await readFile(DIST + name))
    .digest("hex");
}
await writeFile(`${DIST}page.json`, `${JSON.stringify(list, null, 1)}\n`);
