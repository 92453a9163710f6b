/** What the kernels share: sums and maxima over lanes, rounding, and exp. */

// 1.5 * 2**23: a float32 of this size has whole numbers only, so adding it rounds, and leaves the number in the low bits.
const ROUNDING: f32 = 12582912;

/** The sum of four lanes. */
export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** The largest of four lanes. */
export function maxLanes(v: v128): f32 {
  const first = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
  return max(first, max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

/**
 * The larger ones of magnitudes and |v|, NaN above all: the bits of positive numbers have the order of the numbers, and
 * whole numbers are compared by one instruction where `f32x4.max` takes seven.
 */
export function largerMagnitudes(magnitudes: v128, v: v128): v128 {
  return i32x4.max_s(magnitudes, f32x4.abs(v));
}

/** x rounded to whole numbers, ties to even, as int32; |x| < 2**22. */
export function wholeNumbers(x: v128): v128 {
  const offset = f32x4.splat(ROUNDING);
  return i32x4.sub(f32x4.add(x, offset), offset);
}

/**
 * exp of four numbers, to about 1e-7 of the result; about 1e-38 below -87.3, infinite above 88.3.
 *
 * x = n ln 2 + r with a whole n and |r| <= ln 2 / 2: 2**n goes into the exponent's bits, exp(r) is its Taylor series,
 * whose first term left out is r**8 / 8! < 6e-9. ln 2 is taken off in two parts, the first with few bits, so that n
 * times it is exact (Cody and Waite 1980).
 */
export function exp(x: v128): v128 {
  // In this order NaN stays NaN.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-87.3));
  const offset = f32x4.splat(ROUNDING);
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(<f32>Math.LOG2E)), offset);
  const n = f32x4.sub(shifted, offset);
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let y = f32x4.splat(1.0 / 5040.0);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 720.0));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 120.0));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 24.0));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 6.0));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(0.5));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0));
  // Of `shifted` only n is left when its bits are shifted; 127 of the exponent means 1.
  return f32x4.mul(y, i32x4.add(i32x4.shl(shifted, 23), f32x4.splat(1.0)));
}
