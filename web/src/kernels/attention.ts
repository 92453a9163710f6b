/**
 * Causal attention of new tokens over the keys and values of all before them, which lie as [heads, capacity, depth].
 */

import { exp, maxLanes, sumLanes } from "./vectors";

// Values are gone through in parts that stay in the processor's first cache while each is read for several outputs.
const PART: i32 = 32;

/**
 * For each of some heads: appends keys and values of n tokens to the cache, and attends.
 *
 * @param qkv [n, 3, heads, depth] float32: query, key, value.
 * @param keys [heads, capacity, depth] float32, filled up to `position`; values the same.
 * @param out [n, heads, depth] float32.
 * @param scores Room for position + n + 3 float32 numbers, not shared with another call that runs at the same time.
 * @param position Of the first new token.
 */
export function attend(
  qkv: usize,
  keys: usize,
  values: usize,
  out: usize,
  scores: usize,
  n: i32,
  position: i32,
  heads: i32,
  depth: i32,
  capacity: i32,
  firstHead: i32,
  endHead: i32,
): void {
  const depthBytes = (<usize>depth) << 2;
  const widthBytes = <usize>heads * depthBytes;
  const scale: f32 = 1 / sqrt(<f32>depth);
  for (let head = firstHead; head < endHead; head++) {
    const inRow = <usize>head * depthBytes;
    const cached = <usize>head * <usize>capacity * depthBytes;
    for (let i = 0; i < n; i++) {
      const query = qkv + <usize>i * 3 * widthBytes + inRow;
      const place = cached + <usize>(position + i) * depthBytes;
      memory.copy(keys + place, query + widthBytes, depthBytes);
      memory.copy(values + place, query + 2 * widthBytes, depthBytes);
      const length = position + i + 1;
      score(query, keys + cached, scores, length, depth, scale);
      const total = exponentials(scores, length);
      mix(scores, values + cached, out + <usize>i * widthBytes + inRow, length, depth, 1 / total);
    }
  }
}

/** scores[t] = query . keys[t] * scale, four keys at a time. */
function score(query: usize, keys: usize, scores: usize, length: i32, depth: i32, scale: f32): void {
  const bytes = (<usize>depth) << 2;
  const vectorEnd = query + (bytes & ~15);
  let t = 0;
  for (; t + 4 <= length; t += 4, scores += 16) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let k = keys;
    let q = query;
    for (; q < vectorEnd; q += 16, k += 16) {
      const part = v128.load(q);
      s0 = f32x4.add(s0, f32x4.mul(part, v128.load(k)));
      s1 = f32x4.add(s1, f32x4.mul(part, v128.load(k + bytes)));
      s2 = f32x4.add(s2, f32x4.mul(part, v128.load(k + 2 * bytes)));
      s3 = f32x4.add(s3, f32x4.mul(part, v128.load(k + 3 * bytes)));
    }
    // Lanes 0 and 2, and 1 and 3, of two sums at a time; then of both pairs: the four totals in one vector.
    const s01 = f32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
    const s23 = f32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
    let totals = f32x4.add(v128.shuffle<i32>(s01, s23, 0, 1, 4, 5), v128.shuffle<i32>(s01, s23, 2, 3, 6, 7));
    for (; q < query + bytes; q += 4, k += 4) {
      let rest = f32x4.splat(load<f32>(k));
      rest = f32x4.replace_lane(rest, 1, load<f32>(k + bytes));
      rest = f32x4.replace_lane(rest, 2, load<f32>(k + 2 * bytes));
      rest = f32x4.replace_lane(rest, 3, load<f32>(k + 3 * bytes));
      totals = f32x4.add(totals, f32x4.mul(f32x4.splat(load<f32>(q)), rest));
    }
    v128.store(scores, f32x4.mul(totals, f32x4.splat(scale)));
    keys += 4 * bytes;
  }
  for (; t < length; t++, scores += 4, keys += bytes) store<f32>(scores, dot(query, keys, bytes) * scale);
}

function dot(a: usize, b: usize, bytes: usize): f32 {
  let sums = f32x4.splat(0);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(a + i), v128.load(b + i)));
  let sum = sumLanes(sums);
  for (; i < bytes; i += 4) sum += load<f32>(a + i) * load<f32>(b + i);
  return sum;
}

/** scores[t] = exp(scores[t] - largest); returns their sum. */
function exponentials(scores: usize, length: i32): f32 {
  // Up to three places after the end count as very small: no loop for a rest is needed.
  const end = scores + ((<usize>length) << 2);
  for (let t = length; t & 3; t++) store<f32>(scores + ((<usize>t) << 2), -Infinity);
  let largest = v128.load(scores);
  for (let t = scores + 16; t < end; t += 16) largest = f32x4.max(largest, v128.load(t));
  const shift = f32x4.splat(maxLanes(largest));
  let sums = f32x4.splat(0);
  for (let t = scores; t < end; t += 16) {
    const power = exp(f32x4.sub(v128.load(t), shift));
    v128.store(t, power);
    sums = f32x4.add(sums, power);
  }
  return sumLanes(sums);
}

/** out = sum of weights[t] * values[t], times `factor`. */
function mix(weights: usize, values: usize, out: usize, length: i32, depth: i32, factor: f32): void {
  const bytes = (<usize>depth) << 2;
  memory.fill(out, 0, bytes);
  for (let t = 0; t < length; t += PART) {
    const count = min(PART, length - t);
    const end = weights + ((<usize>count) << 2);
    let column: usize = 0;
    for (; column + 128 <= bytes; column += 128) mix32(weights, end, values + column, bytes, out + column);
    for (; column + 16 <= bytes; column += 16) mix4(weights, end, values + column, bytes, out + column);
    for (; column < bytes; column += 4) mix1(weights, end, values + column, bytes, out + column);
    weights = end;
    values += <usize>count * bytes;
  }
  for (let column: usize = 0; column < bytes; column += 4) {
    store<f32>(out + column, load<f32>(out + column) * factor);
  }
}

function mix32(weight: usize, end: usize, value: usize, bytes: usize, out: usize): void {
  let y0 = v128.load(out, 0);
  let y1 = v128.load(out, 16);
  let y2 = v128.load(out, 32);
  let y3 = v128.load(out, 48);
  let y4 = v128.load(out, 64);
  let y5 = v128.load(out, 80);
  let y6 = v128.load(out, 96);
  let y7 = v128.load(out, 112);
  for (; weight < end; weight += 4, value += bytes) {
    const w = v128.load32_splat(weight);
    y0 = f32x4.add(y0, f32x4.mul(w, v128.load(value, 0)));
    y1 = f32x4.add(y1, f32x4.mul(w, v128.load(value, 16)));
    y2 = f32x4.add(y2, f32x4.mul(w, v128.load(value, 32)));
    y3 = f32x4.add(y3, f32x4.mul(w, v128.load(value, 48)));
    y4 = f32x4.add(y4, f32x4.mul(w, v128.load(value, 64)));
    y5 = f32x4.add(y5, f32x4.mul(w, v128.load(value, 80)));
    y6 = f32x4.add(y6, f32x4.mul(w, v128.load(value, 96)));
    y7 = f32x4.add(y7, f32x4.mul(w, v128.load(value, 112)));
  }
  v128.store(out, y0, 0);
  v128.store(out, y1, 16);
  v128.store(out, y2, 32);
  v128.store(out, y3, 48);
  v128.store(out, y4, 64);
  v128.store(out, y5, 80);
  v128.store(out, y6, 96);
  v128.store(out, y7, 112);
}

function mix4(weight: usize, end: usize, value: usize, bytes: usize, out: usize): void {
  let y = v128.load(out);
  for (; weight < end; weight += 4, value += bytes) {
    y = f32x4.add(y, f32x4.mul(v128.load32_splat(weight), v128.load(value)));
  }
  v128.store(out, y);
}

function mix1(weight: usize, end: usize, value: usize, bytes: usize, out: usize): void {
  let y = load<f32>(out);
  for (; weight < end; weight += 4, value += bytes) y += load<f32>(weight) * load<f32>(value);
  store<f32>(out, y);
}
