import { largerMagnitudes, maxLanes, wholeNumbers } from "./vectors";

// Products of the largest weight (127) and activation, 512 of them summed, still fit an int32: linear.ts.
const LARGEST: f32 = 32767;

/**
 * Rows of float32 to int16 with one scale a row: x = value * scale, |value| <= 32767.
 *
 * @param x [n, width] float32.
 * @param values [n, stride] int16; what is past `width` becomes 0.
 * @param scales [n] float32.
 * @param stride A multiple of 8.
 */
export function quantise(x: usize, values: usize, scales: usize, n: i32, width: i32, stride: i32): void {
  for (let row = 0; row < n; row++) {
    store<f32>(scales + ((<usize>row) << 2), roundRow(x, values, width, stride, LARGEST));
    x += (<usize>width) << 2;
    values += (<usize>stride) << 1;
  }
}

/** One row, its largest value `most`; returns the scale. */
export function roundRow(x: usize, values: usize, width: i32, stride: i32, most: f32): f32 {
  const largest = rowLargest(x, width);
  // 0 and NaN too: the row becomes zeros, or stays NaN by its scale.
  const factor: f32 = largest > 0 ? most / largest : 0;
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    v128.store(values + ((<usize>i) << 1), rounded(x + ((<usize>i) << 2), f32x4.splat(factor)));
  }
  for (; i < width; i++) {
    const value = nearest(load<f32>(x + ((<usize>i) << 2)) * factor);
    store<i16>(values + ((<usize>i) << 1), <i16>(<i32>value));
  }
  for (; i < stride; i++) store<i16>(values + ((<usize>i) << 1), 0);
  return largest / most;
}

/** Eight numbers at x times `factor` as int16. */
export function rounded(x: usize, factor: v128): v128 {
  const low = wholeNumbers(f32x4.mul(v128.load(x), factor));
  const high = wholeNumbers(f32x4.mul(v128.load(x, 16), factor));
  return i16x8.narrow_i32x4_s(low, high);
}

function rowLargest(x: usize, width: i32): f32 {
  const end = x + ((<usize>width) << 2);
  let largest = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) largest = largerMagnitudes(largest, v128.load(x));
  let result = maxLanes(largest);
  for (; x < end; x += 4) result = max(result, abs(load<f32>(x)));
  return result;
}
