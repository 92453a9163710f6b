/** The passages of a manuscript as the tree that they are, for a reader: pure functions. */

import { isEmpty, leaves, path } from "./tree.js";

/**
 * @typedef {import("./tree.js").Manuscript} Manuscript
 * @typedef {object} Branch What was written on without a fork.
 * @property {number} place Of its last passage.
 * @property {number[]} places Of all its passages.
 * @property {string} text What they added.
 * @property {Branch[]} branches That begin at its end.
 */

/**
 * @param {Manuscript} m
 * @param {number} most Ends of branches that are shown, the latest.
 * @returns {Branch[]}
 */
export function branchTree(m, most) {
  const shown = new Set(
    leaves(m)
      .slice(-most)
      .flatMap((leaf) => path(m, leaf)),
  );
  /** @type {Map<number | null, number[]>} */
  const after = new Map();
  for (const [place, passage] of m.passages.entries()) {
    if (!shown.has(place) || isEmpty(passage)) continue;
    after.set(passage.parent, [...(after.get(passage.parent) ?? []), place]);
  }
  /** @type {(first: number) => Branch} */
  const grow = (first) => {
    const places = [first];
    let next = after.get(first) ?? [];
    // What takes something away leaves a text behind that is an end of its own.
    while (next.length === 1 && m.passages[next[0]].removed === 0) {
      places.push(next[0]);
      next = after.get(next[0]) ?? [];
    }
    const text = places.map((place) => m.passages[place].text).join("");
    return { place: places[places.length - 1], places, text, branches: next.map(grow) };
  };
  return (after.get(null) ?? []).map(grow);
}
