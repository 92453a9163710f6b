import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digest } from "../src/runtime/bundle/sha256.js";

test("the fallback agrees with Node's at every length around the block borders", () => {
  for (const length of [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000, 100_003]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131) & 255);
    assert.deepEqual(Buffer.from(digest(bytes)), createHash("sha256").update(bytes).digest());
  }
});
