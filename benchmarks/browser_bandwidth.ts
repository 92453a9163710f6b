/** Reads memory as fast as WebAssembly can: the floor under anything that goes through all weights once a token. */

/** The sum of the 64-bit words from `start` to `end`, which are multiples of 128. */
export function sum(start: usize, end: usize): i64 {
  let a = i64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (; start < end; start += 128) {
    a = i64x2.add(a, i64x2.add(v128.load(start, 0), v128.load(start, 16)));
    b = i64x2.add(b, i64x2.add(v128.load(start, 32), v128.load(start, 48)));
    c = i64x2.add(c, i64x2.add(v128.load(start, 64), v128.load(start, 80)));
    d = i64x2.add(d, i64x2.add(v128.load(start, 96), v128.load(start, 112)));
  }
  const total = i64x2.add(i64x2.add(a, b), i64x2.add(c, d));
  return i64x2.extract_lane(total, 0) + i64x2.extract_lane(total, 1);
}
