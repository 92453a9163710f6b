import assert from "node:assert/strict";
import { test } from "node:test";

test("what is drawn with the end of a run is followed, unless the reader has scrolled away", async () => {
  /** @type {Record<string, () => void>} */
  const listeners = {};
  let scrolled = 0;
  Object.assign(globalThis, {
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ listener) => {
      listeners[name] = listener;
    },
    document: { getElementById: () => null },
    innerHeight: 600,
    scrollBy: (/** @type {{top: number}} */ { top }) => {
      scrolled += top;
    },
  });
  const { Follower } = await import("../src/page/follower.js");
  const follower = new Follower();
  const text = /** @type {any} */ ({ bottom: 500, getBoundingClientRect: () => ({ bottom: text.bottom }) });
  follower.follow(text);
  assert.equal(scrolled, 0);
  text.bottom = 700;
  follower.follow(null);
  assert.equal(scrolled, 124);
  follower.follow(null);
  assert.equal(scrolled, 124); // once: what happens later is not the text's
  follower.follow(text);
  listeners.wheel();
  scrolled = 0;
  follower.follow(text);
  follower.follow(null);
  assert.equal(scrolled, 0);
});
