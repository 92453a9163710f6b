/**
 * Causal attention of new tokens over the keys and values of all before them.
 *
 * These lie in parts of 32 positions, in a part by heads, so that a token goes through memory from one end to the other:
 * the processor fetches ahead only along such a way. A part of a head is 32 float32 scales and their 32 rows of int16,
 * filled up to whole vectors. Two rows of values lie as one, number by number: for `dot`, which adds by twos.
 */

import { appendValue, LARGEST_VALUE, mixPart, PART, roundWeights, SCALE_BYTES } from "./attention_values";
import { roundRow } from "./quantise";
import { exp, maxLanes, sumLanes } from "./vectors";

// Queries and keys are rounded to at most this: the products of 32 columns, eight in a lane, still fit an int32.
const LARGEST: f32 = 16383;
const SUMMED_BYTES: usize = 64;

/**
 * For each of some heads: appends keys and values of n tokens to the cache, and attends.
 *
 * @param qkv [n, 3, heads, depth] float32: query, key, value.
 * @param keys Filled up to `position`; values the same.
 * @param out [n, heads, depth] float32.
 * @param scratch Room as runtime/int8/attention_room.js says, not shared with another call that runs at the same time.
 * @param position Of the first new token.
 */
export function attend(
  qkv: usize,
  keys: usize,
  values: usize,
  out: usize,
  scratch: usize,
  n: i32,
  position: i32,
  heads: i32,
  depth: i32,
  firstHead: i32,
  endHead: i32,
): void {
  const width = <usize>heads * ((<usize>depth) << 2);
  // Several tokens keep one head's rows in the processor's cache.
  const together = n > 1 ? 1 : endHead - firstHead;
  for (let head = firstHead; head < endHead; head += together) {
    for (let i = 0; i < n; i++) {
      const at = <usize>i * width;
      attendOne(qkv + 3 * at, keys, values, out + at, scratch, position + i, heads, depth, head, head + together);
    }
  }
}

function attendOne(
  qkv: usize,
  keys: usize,
  values: usize,
  out: usize,
  scratch: usize,
  position: i32,
  heads: i32,
  depth: i32,
  firstHead: i32,
  endHead: i32,
): void {
  const stride = (depth + 7) & ~7;
  const rowBytes = (<usize>stride) << 1;
  const partBytes = SCALE_BYTES + <usize>PART * rowBytes;
  const headBytes = (<usize>depth) << 2;
  const scoreBytes = (<usize>((position + PART) & ~(PART - 1))) << 2;
  const count = <usize>(endHead - firstHead);
  const sums = scratch + count * rowBytes;
  const scores = sums + count * rowBytes * 2;
  const factors = scores + count * scoreBytes;

  for (let i: usize = 0; i < count; i++) {
    const head = <usize>firstHead + i;
    const place = (<usize>(position / PART) * <usize>heads + head) * partBytes;
    const key = qkv + (<usize>heads + head) * headBytes;
    append(key, key + <usize>heads * headBytes, keys + place, values + place, sums, position % PART, depth, stride);
    const scale = roundRow(qkv + head * headBytes, scratch + i * rowBytes, depth, stride, LARGEST);
    store<f32>(factors + (i << 2), scale / sqrt(<f32>depth));
  }
  for (let t = 0; t <= position; t += PART) {
    let part = keys + (<usize>(t / PART) * <usize>heads + <usize>firstHead) * partBytes;
    for (let i: usize = 0; i < count; i++, part += partBytes) {
      const to = scores + i * scoreBytes + ((<usize>t) << 2);
      score(scratch + i * rowBytes, part, to, min(PART, position + 1 - t), rowBytes, load<f32>(factors + (i << 2)));
    }
  }
  for (let i: usize = 0; i < count; i++) {
    store<f32>(factors + (i << 2), 1 / exponentials(scores + i * scoreBytes, position + 1));
  }
  memory.fill(sums, 0, count * rowBytes * 2);
  for (let t = 0; t <= position; t += PART) {
    const pairs = (min(PART, position + 1 - t) + 1) >> 1;
    let part = values + (<usize>(t / PART) * <usize>heads + <usize>firstHead) * partBytes;
    for (let i: usize = 0; i < count; i++, part += partBytes) {
      const weights = scores + i * scoreBytes + ((<usize>t) << 2);
      const factor = roundWeights(weights, part, pairs);
      mixPart(weights, part + SCALE_BYTES, sums + i * rowBytes * 2, pairs, rowBytes * 2, factor);
    }
  }
  for (let i: usize = 0; i < count; i++) {
    const to = out + (<usize>firstHead + i) * headBytes;
    const from = sums + i * rowBytes * 2;
    for (let column: usize = 0; column < headBytes; column += 4) {
      store<f32>(to + column, load<f32>(from + column) * load<f32>(factors + (i << 2)));
    }
  }
}

/** A key and a value to row `row` of a head's part. */
function append(
  key: usize,
  value: usize,
  keys: usize,
  values: usize,
  scratch: usize,
  row: i32,
  depth: i32,
  stride: i32,
): void {
  const rowBytes = (<usize>stride) << 1;
  // The scales of rows to come are read with those that are there: 0 is a number, what lay here may be none.
  if (row === 0) {
    memory.fill(keys, 0, SCALE_BYTES);
    memory.fill(values, 0, SCALE_BYTES);
  }
  const scale = (<usize>row) << 2;
  const key16 = keys + SCALE_BYTES + <usize>row * rowBytes;
  store<f32>(keys + scale, roundRow(key, key16, depth, stride, LARGEST));
  store<f32>(values + scale, roundRow(value, scratch, depth, stride, LARGEST_VALUE));
  appendValue(scratch, values + SCALE_BYTES, row, rowBytes << 1);
}

/** scores[t] = query . keys[t] * factor for the rows of a part, four at a time. */
function score(query: usize, keys: usize, scores: usize, rows: i32, bytes: usize, factor: f32): void {
  let scales = keys;
  keys += SCALE_BYTES;
  const whole = bytes & ~(SUMMED_BYTES - 1);
  for (const end = scores + ((<usize>rows) << 2); scores < end; scores += 16, scales += 16, keys += 4 * bytes) {
    let totals = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += SUMMED_BYTES) {
      const k = keys + at;
      const q0 = v128.load(query + at, 0);
      const q1 = v128.load(query + at, 16);
      const q2 = v128.load(query + at, 32);
      const q3 = v128.load(query + at, 48);
      const s0 = product(q0, q1, q2, q3, k);
      const s1 = product(q0, q1, q2, q3, k + bytes);
      const s2 = product(q0, q1, q2, q3, k + 2 * bytes);
      const s3 = product(q0, q1, q2, q3, k + 3 * bytes);
      totals = f32x4.add(totals, sumsOfFour(s0, s1, s2, s3));
    }
    for (; at < bytes; at += 16) {
      const q = v128.load(query + at);
      const k = keys + at;
      const s0 = i32x4.dot_i16x8_s(q, v128.load(k));
      const s1 = i32x4.dot_i16x8_s(q, v128.load(k + bytes));
      const s2 = i32x4.dot_i16x8_s(q, v128.load(k + 2 * bytes));
      const s3 = i32x4.dot_i16x8_s(q, v128.load(k + 3 * bytes));
      totals = f32x4.add(totals, sumsOfFour(s0, s1, s2, s3));
    }
    v128.store(scores, f32x4.mul(totals, f32x4.mul(f32x4.splat(factor), v128.load(scales))));
  }
}

/** 32 columns of a query times those of a key, eight in a lane. */
function product(q0: v128, q1: v128, q2: v128, q3: v128, key: usize): v128 {
  return i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(q0, v128.load(key, 0)), i32x4.dot_i16x8_s(q1, v128.load(key, 16))),
    i32x4.add(i32x4.dot_i16x8_s(q2, v128.load(key, 32)), i32x4.dot_i16x8_s(q3, v128.load(key, 48))),
  );
}

/** The sum of the lanes of each of four vectors of int32, as float32. */
function sumsOfFour(a: v128, b: v128, c: v128, d: v128): v128 {
  // Lanes 0 and 2, and 1 and 3, of two vectors at a time; then of both pairs.
  const ab = sumsOfTwo(f32x4.convert_i32x4_s(a), f32x4.convert_i32x4_s(b));
  const cd = sumsOfTwo(f32x4.convert_i32x4_s(c), f32x4.convert_i32x4_s(d));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

function sumsOfTwo(a: v128, b: v128): v128 {
  return f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
}

/** scores[t] = exp(scores[t] - largest); returns their sum. */
function exponentials(scores: usize, length: i32): f32 {
  // Up to seven places after the end count as very small: no loop for a rest is needed, here and with the values.
  const end = scores + ((<usize>length) << 2);
  for (let t = length; t & 7; t++) store<f32>(scores + ((<usize>t) << 2), -Infinity);
  let largest = v128.load(scores);
  for (let t = scores + 16; t < end; t += 16) largest = f32x4.pmax(largest, v128.load(t));
  const shift = f32x4.splat(maxLanes(largest));
  let sums = f32x4.splat(0);
  for (let t = scores; t < end; t += 16) {
    const power = exp(f32x4.sub(v128.load(t), shift));
    v128.store(t, power);
    sums = f32x4.add(sums, power);
  }
  return sumLanes(sums);
}
