/** Colours that say something: the heads', and scales that colour-blind eyes and the dark leave readable. */

// Okabe and Ito 2008, without black and with the yellow darkened; chosen to be told apart in every kind of colour blindness.
const HEADS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b58900", "#7a5cc2", "#8c564b"];
/** What a positive and a negative number are coloured, as red, green, blue. */
const POSITIVE = [0, 114, 178];
const NEGATIVE = [213, 94, 0];
/** Of small pictures, on light and on dark paper. */
const PICTURE = [38, 132, 214];

/** @param {number} head @param {number} heads */
export function headColour(head, heads) {
  if (heads <= HEADS.length) return HEADS[head];
  return `hsl(${Math.round((360 * head) / heads)} 65% ${head % 2 ? 42 : 55}%)`;
}

/**
 * Paints numbers on a canvas, a pixel each: blue above zero, orange below, the stronger the larger.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} values
 * @param {number} largest What full colour stands for.
 * @param {number} x
 */
export function paintSigned(context, values, largest, x) {
  const image = context.createImageData(values.length, 1);
  for (let at = 0; at < values.length; at++) {
    const [red, green, blue] = values[at] >= 0 ? POSITIVE : NEGATIVE;
    image.data.set([red, green, blue, Math.min(255, (255 * Math.abs(values[at])) / (largest || 1))], 4 * at);
  }
  context.putImageData(image, x, 0);
}

/**
 * A picture of a square of weights, at most `side` wide: of what falls on a pixel the largest shows.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} weights [T, T]
 * @param {number} length T.
 * @param {number} side
 */
export function paintSquare(context, weights, length, side) {
  const size = Math.min(length, side);
  const image = context.createImageData(size, size);
  for (let row = 0; row < length; row++) {
    const to = Math.floor((row * size) / length) * size;
    for (let column = 0; column <= row; column++) {
      const at = 4 * (to + Math.floor((column * size) / length)) + 3;
      // The root shows small weights too.
      image.data[at] = Math.max(image.data[at], 255 * Math.sqrt(weights[row * length + column]));
    }
  }
  for (let at = 0; at < image.data.length; at += 4) image.data.set(PICTURE, at);
  context.canvas.width = size;
  context.canvas.height = size;
  context.putImageData(image, 0, 0);
}

/** Null in a browser without canvas, or that forbids it. @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D | null} */
export function paper(canvas) {
  try {
    return canvas.getContext?.("2d") ?? null;
  } catch {
    return null;
  }
}
