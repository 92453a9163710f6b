/** How tokens are written where each needs a name of its own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { characters, labels, percent, visible } from "../src/views/labels.js";

test("tokens that make one character are one, with its bytes on request", () => {
  const token = (text, bytes = false) => ({ id: 0, text, bytes });
  const dragon = ["<0xE9>", "<0xBE>", "<0x8D>"].map((text) => token(text, true));
  const tokens = [token("却"), ...dragon, token("\n"), token("<0xE9>", true)];
  assert.deepEqual(
    characters(tokens).map(({ from, to, text }) => [from, to, text]),
    [
      [0, 1, "却"],
      [1, 4, "龍"],
      [4, 5, "\n"],
      [5, 6, "\ufffd"],
    ],
  );
  assert.deepEqual(labels(tokens, false), ["却", "龍₁", "龍₂", "龍₃", "⏎", "\ufffd"]);
  assert.deepEqual(labels(tokens, true), ["却", "E9", "BE", "8D", "⏎", "E9"]);
  assert.equal(visible("<script>"), "<script>");
  assert.deepEqual(
    [percent(1), percent(0.2567), percent(0.012345), percent(1e-6), percent(0)],
    ["100 %", "25.7 %", "1.23 %", "< 0.01 %", "0 %"],
  );
});

test("every character has a name that can be seen", () => {
  const unseen = /^[\s\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]*$/u;
  for (let code = 0; code <= 0x1ffff; code++) {
    const character = String.fromCodePoint(code);
    if (/\p{Co}/u.test(character)) continue; // a font of its own may draw it
    assert.doesNotMatch(visible(character), unseen, `U+${code.toString(16)}`);
  }
  assert.deepEqual(["\f", "\u007f", "\u0085", " \u2003a", "\u200b", "\u202eabc", "\u0301"].map(visible), [
    "␌",
    "␡",
    "U+0085",
    "␣U+2003a",
    "U+200B",
    "U+202Eabc",
    "◌\u0301",
  ]);
  const family = "\u{1f468}\u200d\u{1f469}";
  assert.equal(visible(family), family); // the joiner has something to join
});
