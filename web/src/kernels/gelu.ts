import { exp } from "./vectors";

// GELU in its tanh form is x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)) (Hendrycks and Gimpel 2016).
const LINEAR: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.044715 * 1.5957691216057308;

function geluOf(x: v128): v128 {
  const slope = f32x4.add(f32x4.mul(f32x4.mul(x, x), f32x4.splat(CUBIC)), f32x4.splat(LINEAR));
  const one = f32x4.splat(1);
  return f32x4.div(x, f32x4.add(one, exp(f32x4.neg(f32x4.mul(x, slope)))));
}

/**
 * GELU of `length` float32 numbers at x, into those at out.
 */
export function gelu(x: usize, out: usize, length: i32): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) v128.store(out + ((<usize>i) << 2), geluOf(v128.load(x + ((<usize>i) << 2))));
  for (; i < length; i++) {
    const value = geluOf(v128.load32_splat(x + ((<usize>i) << 2)));
    store<f32>(out + ((<usize>i) << 2), f32x4.extract_lane(value, 0));
  }
}
