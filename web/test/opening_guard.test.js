import assert from "node:assert/strict";
import { test } from "node:test";
import { OpeningGuard } from "../src/page/opening_guard.js";

class FakeStorage {
  entries = new Map();
  getItem(key) {
    return this.entries.get(key) ?? null;
  }
  setItem(key, value) {
    this.entries.set(key, value);
  }
  removeItem(key) {
    this.entries.delete(key);
  }
}

const visit = (storage) => new OpeningGuard("bundle/", storage);

test("after two openings that never ended the third is not begun unasked, and one that ends forgets them", () => {
  const storage = new FakeStorage();
  for (let crash = 0; crash < 2; crash++) {
    assert.ok(visit(storage).mayOpen());
    visit(storage).begin();
  }
  const third = visit(storage);
  assert.ok(!third.mayOpen());
  assert.ok(new OpeningGuard("other/", storage).mayOpen());
  third.begin(); // by hand
  third.end();
  assert.ok(visit(storage).mayOpen());
  assert.equal(storage.entries.size, 0);
});

test("a visitor who leaves while it opens has not crashed", () => {
  const storage = new FakeStorage();
  for (let time = 0; time < 5; time++) {
    const guard = visit(storage);
    guard.begin();
    guard.end(false);
    guard.end(false);
  }
  assert.ok(visit(storage).mayOpen());
});

test("without a store, or with one that throws, every visit opens", () => {
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  for (const storage of [undefined, { getItem: refuse, setItem: refuse, removeItem: refuse }]) {
    for (let time = 0; time < 3; time++) visit(storage).begin();
    assert.ok(visit(storage).mayOpen());
  }
});
