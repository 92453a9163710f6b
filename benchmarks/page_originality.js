/**
 * How fast the page's code finds copies: node page_originality.js FILE CORPUS TEXT LOOKUPS
 *
 * The last line is one JSON object; times are medians.
 */

import { readFileSync } from "node:fs";
import { openCopies } from "../web/src/runtime/originality/copies_file.js";
import { copiedRuns } from "../web/src/runtime/originality/runs.js";

const [file, corpus, textFile, lookups] = process.argv.slice(2);
const content = new Uint8Array(readFileSync(file));
const characters = [...readFileSync(textFile, "utf8")];
const begin = performance.now();
const copies = await openCopies(content, corpus);
const opened = performance.now() - begin;
globalThis.gc?.();
const megabytes = process.memoryUsage().arrayBuffers / 1e6 - content.length / 1e6;

let state = 1;
const below = (count) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 4) % count;
};
const piece = (length) => {
  const at = below(Math.max(1, characters.length - length));
  return characters.slice(at, at + length);
};
const kinds = {
  a_copy_of_1000: () => piece(1000),
  of_1000_others: () => piece(1000).sort(() => below(3) - 1),
  of_33_copies_of_30: () => Array.from({ length: 33 }, () => piece(30)).flat(),
};
const figures = { milliseconds_to_open: Math.round(opened), megabytes_in_memory: Math.round(megabytes) };
for (const [name, make] of Object.entries(kinds)) {
  const times = Array.from({ length: Number(lookups) }, () => {
    const text = make().join("");
    const start = performance.now();
    copiedRuns(copies, text);
    return performance.now() - start;
  });
  times.sort((one, other) => one - other);
  figures[`milliseconds_${name}`] = Number(times[times.length >> 1].toFixed(2));
}
console.log(JSON.stringify(figures));
