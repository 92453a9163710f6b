/** Buttons in rows: one stop of the tab key, and arrows go from one to the next (ARIA Authoring Practices, grids). */

/** By key: how many rows and columns further. @type {Record<string, [number, number]>} */
const STEPS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, Number.NEGATIVE_INFINITY],
  End: [0, Number.POSITIVE_INFINITY],
};

/**
 * @param {HTMLElement} place What holds the buttons; listened to, so once for each.
 * @param {() => HTMLElement[][]} rowsOf The buttons that there are now, all rows as long as the first.
 */
export function arrowGrid(place, rowsOf) {
  place.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const rows = rowsOf();
    const row = rows.findIndex((buttons) => buttons.includes(/** @type {HTMLElement} */ (event.target)));
    if (!step || row < 0) return;
    event.preventDefault();
    const column = rows[row].indexOf(/** @type {HTMLElement} */ (event.target));
    const to = rows[within(row + step[0], rows.length)];
    to[within(column + step[1], to.length)].focus();
  });
  place.addEventListener("focusin", ({ target }) => reach(rowsOf(), /** @type {HTMLElement} */ (target)));
}

/**
 * Makes one button the stop.
 *
 * @param {HTMLElement[][]} rows
 * @param {HTMLElement} [stop] The first where it is left out.
 */
export function reach(rows, stop = rows[0]?.[0]) {
  const all = rows.flat();
  if (!all.includes(stop)) return;
  for (const button of all) button.tabIndex = button === stop ? 0 : -1;
}

function within(/** @type {number} */ place, /** @type {number} */ count) {
  return Math.max(0, Math.min(count - 1, place));
}
