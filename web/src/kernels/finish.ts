/** How sums of a product become its outputs. */

/** Puts eight sums into one of some rows. */
export function finishRow(
  low: v128,
  high: v128,
  xScales: usize,
  row: usize,
  scales: usize,
  bias: usize,
  residual: usize,
  out: usize,
  output: i32,
  outputs: i32,
): void {
  const factor = load<f32>(xScales + (row << 2));
  const at = row * ((<usize>outputs) << 2);
  const from = residual ? residual + at : 0;
  finish(low, factor, scales, bias, from, out + at, output, outputs);
  finish(high, factor, scales, bias, from, out + at, output + 4, outputs);
}

/** Puts four sums into a row: sum * factor * scales + bias + residual. */
export function finish(
  sum: v128,
  factor: f32,
  scales: usize,
  bias: usize,
  residual: usize,
  out: usize,
  output: i32,
  outputs: i32,
): void {
  let at = (<usize>output) << 2;
  if (output + 4 <= outputs) {
    let y = f32x4.mul(sum, f32x4.mul(f32x4.splat(factor), v128.load(scales + at)));
    if (bias) y = f32x4.add(y, v128.load(bias + at));
    if (residual) y = f32x4.add(y, v128.load(residual + at));
    v128.store(out + at, y);
    return;
  }
  for (; output < outputs; output++, at += 4) {
    let y = f32x4.extract_lane(sum, 0) * (factor * load<f32>(scales + at));
    if (bias) y += load<f32>(bias + at);
    if (residual) y += load<f32>(residual + at);
    store<f32>(out + at, y);
    sum = v128.shuffle<i32>(sum, sum, 1, 2, 3, 0);
  }
}
