import { maxLanes } from "./vectors";

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
    const largest = rowLargest(x, width);
    // 0 and NaN too: the row becomes zeros, or stays NaN by its scale.
    const factor: f32 = largest > 0 ? LARGEST / largest : 0;
    store<f32>(scales + ((<usize>row) << 2), largest / LARGEST);
    roundRow(x, values, width, stride, factor);
    x += (<usize>width) << 2;
    values += (<usize>stride) << 1;
  }
}

function rowLargest(x: usize, width: i32): f32 {
  const end = x + ((<usize>width) << 2);
  let largest = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x)));
  let result = maxLanes(largest);
  for (; x < end; x += 4) result = max(result, abs(load<f32>(x)));
  return result;
}

function roundRow(x: usize, values: usize, width: i32, stride: i32, factor: f32): void {
  const wide = f32x4.splat(factor);
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    const low = f32x4.nearest(f32x4.mul(v128.load(x + ((<usize>i) << 2)), wide));
    const high = f32x4.nearest(f32x4.mul(v128.load(x + ((<usize>i) << 2), 16), wide));
    const packed = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(low), i32x4.trunc_sat_f32x4_s(high));
    v128.store(values + ((<usize>i) << 1), packed);
  }
  for (; i < width; i++) {
    const rounded = nearest(load<f32>(x + ((<usize>i) << 2)) * factor);
    store<i16>(values + ((<usize>i) << 1), <i16>(<i32>rounded));
  }
  for (; i < stride; i++) store<i16>(values + ((<usize>i) << 1), 0);
}
