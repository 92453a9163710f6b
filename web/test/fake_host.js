/** A host with a bundle, and a browser's Cache API, for tests. */

import { createHash } from "node:crypto";
import { BUNDLE_VERSION } from "../src/runtime/bundle/index_file.js";

export const URL_ = "http://site/path/bundle/";
const encode = (text) => new TextEncoder().encode(text);

export class FakeCaches {
  constructor({ room = Number.POSITIVE_INFINITY } = {}) {
    this.stores = new Map();
    this.room = room;
  }
  async keys() {
    return [...this.stores.keys()];
  }
  async has(name) {
    return this.stores.has(name);
  }
  async delete(name) {
    return this.stores.delete(name);
  }
  async match(key, { cacheName }) {
    return this.stores.get(cacheName)?.get(key)?.clone();
  }
  async open(name) {
    if (!this.stores.has(name)) this.stores.set(name, new Map());
    const store = this.stores.get(name);
    return {
      match: async (key) => store.get(key)?.clone(),
      put: async (key, response) => {
        if (this.room-- <= 0) throw new DOMException("full", "QuotaExceededError");
        store.set(key, response);
      },
      delete: async (key) => store.delete(key),
      keys: async () => [...store.keys()].map((url) => ({ url })),
    };
  }
}

/** A host with a bundle of three files; `change` may spoil what it answers. */
export function host({
  version = BUNDLE_VERSION,
  content = "weights",
  more = "",
  change = (_path, response) => response,
} = {}) {
  const files = { "a.bin": encode(content), "b.bin": encode(more), "config.json": encode("{}") };
  const entries = Object.entries(files).map(([path, bytes]) => ({
    path,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const index = JSON.stringify({
    format: "tf_gpt2-bundle",
    version,
    dtype: "float32",
    parameters: 2,
    tokenizer: { kind: "bpe", end_of_text_id: 0, vocabulary_size: 300 },
    files: entries,
    bytes,
    shards: ["a.bin", "b.bin"],
    int8: {},
  });
  const requests = [];
  const fetch = async (address) => {
    const path = address.slice(URL_.length).replace(/\?.*/, "");
    requests.push(path);
    const found = path === "bundle.json" ? index : files[path];
    return change(path, new Response(found));
  };
  // No test waits for a host.
  return { fetch, requests, bytes, wait: async () => {} };
}
