/** The likeliest tokens. */

import { maxLanes } from "./vectors";

// Numbers that are passed over at once when none of them counts.
const GROUP: i32 = 16;

/**
 * The k largest of `length` float32 numbers at x by falling value, the lower place first among equals.
 *
 * @param k At most `length`.
 * @param places [k] int32.
 * @param values [k] float32.
 */
export function topK(x: usize, length: i32, k: i32, places: usize, values: usize): void {
  let i = 0;
  for (; i < k; i++) insert(load<f32>(x + ((<usize>i) << 2)), i, i, places, values);
  const smallest = values + ((<usize>(k - 1)) << 2);
  while (i < length) {
    const end = min(length, i + GROUP);
    if (end - i < GROUP || largestOf(x + ((<usize>i) << 2)) > load<f32>(smallest)) {
      for (let at = i; at < end; at++) {
        const value = load<f32>(x + ((<usize>at) << 2));
        if (value > load<f32>(smallest)) insert(value, at, k - 1, places, values);
      }
    }
    i = end;
  }
}

/** Puts a number among the first `count` ones, behind its equals; what comes after it moves on. */
function insert(value: f32, place: i32, count: i32, places: usize, values: usize): void {
  let at = (<usize>count) << 2;
  for (; at && load<f32>(values + at - 4) < value; at -= 4) {
    store<f32>(values + at, load<f32>(values + at - 4));
    store<i32>(places + at, load<i32>(places + at - 4));
  }
  store<f32>(values + at, value);
  store<i32>(places + at, place);
}

/** Of GROUP numbers. */
function largestOf(x: usize): f32 {
  const low = f32x4.pmax(v128.load(x), v128.load(x, 16));
  const high = f32x4.pmax(v128.load(x, 32), v128.load(x, 48));
  return maxLanes(f32x4.pmax(low, high));
}
