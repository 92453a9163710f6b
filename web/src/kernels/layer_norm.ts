import { sumLanes } from "./vectors";

/**
 * Layer normalisation (Ba et al. 2016) of each of n rows.
 *
 * @param x [n, width] float32.
 * @param weight [width] float32; bias the same.
 * @param out [n, width] float32; may be x.
 */
export function layerNorm(
  x: usize,
  weight: usize,
  bias: usize,
  out: usize,
  n: i32,
  width: i32,
  epsilon: f32,
): void {
  const bytes = (<usize>width) << 2;
  for (let row = 0; row < n; row++, x += bytes, out += bytes) {
    const mean = rowSum(x, width) / <f32>width;
    const variance = rowSquares(x, width, mean) / <f32>width;
    normaliseRow(x, weight, bias, out, bytes, mean, 1 / sqrt(variance + epsilon));
  }
}

function rowSum(x: usize, width: i32): f32 {
  const end = x + ((<usize>width) << 2);
  let sums = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) sums = f32x4.add(sums, v128.load(x));
  let sum = sumLanes(sums);
  for (; x < end; x += 4) sum += load<f32>(x);
  return sum;
}

/** The sum of squares of what differs from the mean: two passes lose no digits where the mean is large. */
function rowSquares(x: usize, width: i32, mean: f32): f32 {
  const end = x + ((<usize>width) << 2);
  let sums = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) {
    const centred = f32x4.sub(v128.load(x), f32x4.splat(mean));
    sums = f32x4.add(sums, f32x4.mul(centred, centred));
  }
  let sum = sumLanes(sums);
  for (; x < end; x += 4) sum += (load<f32>(x) - mean) * (load<f32>(x) - mean);
  return sum;
}

function normaliseRow(
  x: usize,
  weight: usize,
  bias: usize,
  out: usize,
  bytes: usize,
  mean: f32,
  factor: f32,
): void {
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const scaled = f32x4.mul(f32x4.sub(v128.load(x + i), f32x4.splat(mean)), f32x4.splat(factor));
    v128.store(out + i, f32x4.add(f32x4.mul(scaled, v128.load(weight + i)), v128.load(bias + i)));
  }
  for (; i < bytes; i += 4) {
    const scaled = (load<f32>(x + i) - mean) * factor;
    store<f32>(out + i, scaled * load<f32>(weight + i) + load<f32>(bias + i));
  }
}
