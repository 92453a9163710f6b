/** Lines between two columns of tokens: width by weight, colour by head. Nothing here knows a view. */

import { headColour, paper } from "./colours.js";
import { headOf } from "./summary.js";

/** Pixels of a token. */
export const ROW = 26;
const SIDE = 0.32; // of the width: a column of tokens
// Of all tokens at once only lines from here on are drawn; of one token all that can be seen.
const FAINT = 0.06;
const FAINTEST = 0.01;

/**
 * @typedef {object} Picture
 * @property {Float32Array} attention [H, T, T] of a layer.
 * @property {number} count T.
 * @property {number} heads H.
 * @property {Set<number>} shown Heads to draw.
 * @property {{side: "query" | "key", place: number} | null} looked The token whose lines alone show; null for all of them.
 *
 * @typedef {object} Sight What of it can be seen, in pixels and rows.
 * @property {number} width
 * @property {number} height
 * @property {number} top
 * @property {number} first
 * @property {number} end
 */

/**
 * Draws what can be seen.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} scroller What the columns scroll in.
 * @param {Picture} picture
 * @returns {boolean} Whether this browser can draw.
 */
export function paintLines(canvas, scroller, picture) {
  const context = paper(canvas);
  if (!context) return false;
  const { count, looked } = picture;
  const [width, height, top] = [scroller.clientWidth, scroller.clientHeight, scroller.scrollTop];
  const first = Math.floor(top / ROW);
  const sight = { width, height, top, first, end: Math.min(count, first + Math.ceil(height / ROW) + 1) };
  fit(canvas, context, sight);
  for (const head of picture.shown) {
    context.strokeStyle = headColour(head, picture.heads);
    eachPair(picture, sight, (from, to) => line(context, picture, sight, head, from, to));
  }
  context.globalAlpha = 1;
  if (looked) shade(context, picture, looked, sight);
  return true;
}

/** As large as what can be seen, at the device's resolution, and empty. */
function fit(
  /** @type {HTMLCanvasElement} */ canvas,
  /** @type {CanvasRenderingContext2D} */ context,
  /** @type {Sight} */ { width, height },
) {
  const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
  // A canvas of another size is made anew, which takes longer than to draw on it.
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
}

/** Which tokens have a line: query and key. */
function eachPair(
  /** @type {Picture} */ { count, looked },
  /** @type {Sight} */ { first, end },
  /** @type {(from: number, to: number) => void} */ draw,
) {
  if (looked?.side === "query") for (let to = 0; to <= looked.place; to++) draw(looked.place, to);
  else if (looked) for (let from = looked.place; from < count; from++) draw(from, looked.place);
  else for (let from = first; from < end; from++) for (let to = 0; to <= from; to++) draw(from, to);
}

function line(
  /** @type {CanvasRenderingContext2D} */ context,
  /** @type {Picture} */ { attention, count, looked },
  /** @type {Sight} */ { width, top },
  /** @type {number} */ head,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const weight = attention[(head * count + from) * count + to];
  if (weight < (looked ? FAINTEST : FAINT)) return;
  context.globalAlpha = Math.min(1, 0.25 + weight);
  context.lineWidth = 0.5 + 5 * weight;
  context.beginPath();
  context.moveTo(width * SIDE, (from + 0.5) * ROW - top);
  context.lineTo(width * (1 - SIDE), (to + 0.5) * ROW - top);
  context.stroke();
}

/** The other side's tokens by weight, a stripe for each head. */
function shade(
  /** @type {CanvasRenderingContext2D} */ context,
  /** @type {Picture} */ { attention, count, heads, shown },
  /** @type {{side: string, place: number}} */ { side, place },
  /** @type {Sight} */ { width, top, first, end },
) {
  const stripe = (width * SIDE) / Math.max(1, shown.size);
  const left = side === "query" ? width * (1 - SIDE) : 0;
  for (const [at, head] of [...shown].entries()) {
    const weights = headOf(attention, head, count);
    context.fillStyle = headColour(head, heads);
    for (let other = first; other < end; other++) {
      const [from, to] = side === "query" ? [place, other] : [other, place];
      const weight = to <= from ? weights[from * count + to] : 0;
      if (weight < FAINTEST) continue;
      context.globalAlpha = 0.45 * weight;
      context.fillRect(left + at * stripe, other * ROW - top, stripe, ROW - 1);
    }
  }
  context.globalAlpha = 1;
}
