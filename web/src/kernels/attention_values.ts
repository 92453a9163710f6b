/** The second half of attention: values times their weights. Layout: attention.ts. */

import { rounded } from "./quantise";
import { largerMagnitudes, maxLanes } from "./vectors";

// Positions of a part.
export const PART: i32 = 32;
// Of their scales.
export const SCALE_BYTES: usize = (<usize>PART) << 2;
// Values and their weights are rounded to at most this: the products of a part's positions still fit an int32.
export const LARGEST_VALUE: f32 = 8191;
// Bytes of 32 columns of two positions: eight vectors, whose sums fit the processor's registers.
const GROUP: usize = 128;
const GROUP_ROWS: usize = (<usize>PART / 2) * GROUP;

/** Puts a value to row `row` of a head's part. */
export function appendValue(value: usize, values: usize, row: i32, bytes: usize): void {
  for (; bytes; values += GROUP_ROWS) {
    const group = min(bytes, GROUP);
    let to = values + <usize>(row >> 1) * group + ((<usize>(row & 1)) << 1);
    for (const end = to + group; to < end; to += 4, value += 2) store<i16>(to, load<i16>(value));
    bytes -= group;
  }
}

/**
 * weights[t] * scales[t] for the rows of a part, in place as int16.
 *
 * @param weights Float32; those past the end, up to a multiple of eight, 0 or less than any other.
 * @param pairs Of rows.
 * @returns The scale of the results.
 */
export function roundWeights(weights: usize, scales: usize, pairs: i32): f32 {
  const end = weights + ((<usize>pairs) << 3);
  let most = f32x4.splat(0);
  for (let w = weights; w < end; w += 16, scales += 16) {
    const product = f32x4.mul(v128.load(w), v128.load(scales));
    v128.store(w, product);
    most = largerMagnitudes(most, product);
  }
  const largest = maxLanes(most);
  const factor = f32x4.splat(largest > 0 ? LARGEST_VALUE / largest : 0);
  for (let w = weights, to = weights; w < end; w += 32, to += 16) v128.store(to, rounded(w, factor));
  return largest / LARGEST_VALUE;
}

/**
 * sums += weights . values * factor.
 *
 * @param weights [2 * pairs] int16.
 * @param values Groups of up to 32 columns; in each [16, columns, 2] int16.
 * @param sums [columns] float32.
 * @param pairs 16 at most.
 * @param bytes Of a row of two positions in all groups; a multiple of 32.
 */
export function mixPart(weights: usize, values: usize, sums: usize, pairs: i32, bytes: usize, factor: f32): void {
  const end = weights + ((<usize>pairs) << 2);
  const wide = f32x4.splat(factor);
  for (; bytes >= GROUP; bytes -= GROUP, values += GROUP_ROWS, sums += GROUP) {
    mix32(weights, end, values, sums, wide);
  }
  for (let column: usize = 0; column < bytes; column += 16) {
    mix4(weights, end, values + column, bytes, sums + column, wide);
  }
}

function mix32(weight: usize, end: usize, value: usize, sums: usize, factor: v128): void {
  let y0 = i32x4.splat(0);
  let y1 = y0;
  let y2 = y0;
  let y3 = y0;
  let y4 = y0;
  let y5 = y0;
  let y6 = y0;
  let y7 = y0;
  for (; weight < end; weight += 4, value += GROUP) {
    const pair = v128.load32_splat(weight);
    y0 = i32x4.add(y0, i32x4.dot_i16x8_s(pair, v128.load(value, 0)));
    y1 = i32x4.add(y1, i32x4.dot_i16x8_s(pair, v128.load(value, 16)));
    y2 = i32x4.add(y2, i32x4.dot_i16x8_s(pair, v128.load(value, 32)));
    y3 = i32x4.add(y3, i32x4.dot_i16x8_s(pair, v128.load(value, 48)));
    y4 = i32x4.add(y4, i32x4.dot_i16x8_s(pair, v128.load(value, 64)));
    y5 = i32x4.add(y5, i32x4.dot_i16x8_s(pair, v128.load(value, 80)));
    y6 = i32x4.add(y6, i32x4.dot_i16x8_s(pair, v128.load(value, 96)));
    y7 = i32x4.add(y7, i32x4.dot_i16x8_s(pair, v128.load(value, 112)));
  }
  add(y0, factor, sums);
  add(y1, factor, sums + 16);
  add(y2, factor, sums + 32);
  add(y3, factor, sums + 48);
  add(y4, factor, sums + 64);
  add(y5, factor, sums + 80);
  add(y6, factor, sums + 96);
  add(y7, factor, sums + 112);
}

function mix4(weight: usize, end: usize, value: usize, bytes: usize, sums: usize, factor: v128): void {
  let y = i32x4.splat(0);
  for (; weight < end; weight += 4, value += bytes) {
    y = i32x4.add(y, i32x4.dot_i16x8_s(v128.load32_splat(weight), v128.load(value)));
  }
  add(y, factor, sums);
}

function add(sum: v128, factor: v128, to: usize): void {
  v128.store(to, f32x4.add(v128.load(to), f32x4.mul(f32x4.convert_i32x4_s(sum), factor)));
}
