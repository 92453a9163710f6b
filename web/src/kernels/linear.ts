/**
 * Products of int16 rows with an int8 matrix.
 *
 * A matrix [inputs, outputs] lies as tiles of 32 outputs. In a tile come the inputs by twos, for each two of them 64
 * bytes: four vectors of eight words, a word with the weights of one input for two outputs. Vector v has in word
 * 2 * m + i, for input i, the weights of outputs 8 * v + m (the low byte, plus 128) and 8 * v + 4 + m (the high byte).
 * One `dot` multiplies the words of four pairs of outputs with two inputs and adds them by twos. With the high bytes alone
 * that is the sum H of four outputs; with the whole words it is 256 * H + L + 128 * (sum of the inputs), whose L are the
 * sums of the other four. It may overflow, which does no harm, since L fits.
 */

import { finish, finishRow } from "./finish";

const TILE: i32 = 32;
const PAIR_BYTES: usize = 64;
// 512 inputs times 127 times 32767 still fit an int32; then the sums go over to float32.
const BLOCK: i32 = 256;
const ROWS: i32 = 4;

/**
 * out = values * xScales . weights * scales + bias + residual for the outputs of some tiles.
 *
 * @param values [n, stride] int16, as `quantise` makes them.
 * @param xScales [n] float32.
 * @param stride Inputs of a row, those that fill it up included; a multiple of 8.
 * @param inputs Those that count.
 * @param weights int8 tiles.
 * @param scales [outputs] float32, one a channel.
 * @param bias [outputs] float32, or 0 for none.
 * @param residual [n, outputs] float32, or 0 for none.
 * @param out [n, outputs] float32; may be the residual.
 */
export function multiply(
  values: usize,
  xScales: usize,
  n: i32,
  stride: i32,
  inputs: i32,
  weights: usize,
  scales: usize,
  bias: usize,
  residual: usize,
  out: usize,
  outputs: i32,
  firstTile: i32,
  endTile: i32,
): void {
  const pairs = (inputs + 1) >> 1;
  const tileBytes = <usize>pairs * PAIR_BYTES;
  const rowBytes = (<usize>stride) << 1;
  const outBytes = (<usize>outputs) << 2;
  for (let tile = firstTile; tile < endTile; tile++) {
    const w = weights + <usize>tile * tileBytes;
    const output = tile * TILE;
    let row = 0;
    for (; row + ROWS <= n; row += ROWS) {
      const x = values + <usize>row * rowBytes;
      const at = <usize>row * outBytes;
      const from = residual ? residual + at : 0;
      for (let part = 0; part < 4; part++) {
        fourRows(
          x,
          rowBytes,
          xScales + ((<usize>row) << 2),
          w + ((<usize>part) << 4),
          pairs,
          scales,
          bias,
          from,
          out + at,
          output + 8 * part,
          outputs,
        );
      }
    }
    for (; row < n; row++) {
      const at = <usize>row * outBytes;
      oneRow(
        values + <usize>row * rowBytes,
        load<f32>(xScales + ((<usize>row) << 2)),
        w,
        pairs,
        scales,
        bias,
        residual ? residual + at : 0,
        out + at,
        output,
        outputs,
      );
    }
  }
}

/** One row with the 32 outputs of a tile: the weights stream through once, which is all that memory allows. */
function oneRow(
  x: usize,
  factor: f32,
  w: usize,
  pairs: i32,
  scales: usize,
  bias: usize,
  residual: usize,
  out: usize,
  output: i32,
  outputs: i32,
): void {
  const zero = f32x4.splat(0);
  let f0 = zero;
  let f1 = zero;
  let f2 = zero;
  let f3 = zero;
  let f4 = zero;
  let f5 = zero;
  let f6 = zero;
  let f7 = zero;
  for (let left = pairs; left > 0; left -= BLOCK) {
    const end = x + ((<usize>min(left, BLOCK)) << 2);
    const shift = i32x4.splat(-128 * sum(x, end));
    let w0 = shift;
    let h0 = i32x4.splat(0);
    let w1 = shift;
    let h1 = i32x4.splat(0);
    let w2 = shift;
    let h2 = i32x4.splat(0);
    let w3 = shift;
    let h3 = i32x4.splat(0);
    for (; x < end; x += 4, w += PAIR_BYTES) {
      const pair = v128.load32_splat(x);
      const v0 = v128.load(w, 0);
      w0 = i32x4.add(w0, i32x4.dot_i16x8_s(pair, v0));
      h0 = i32x4.add(h0, i32x4.dot_i16x8_s(pair, i16x8.shr_s(v0, 8)));
      const v1 = v128.load(w, 16);
      w1 = i32x4.add(w1, i32x4.dot_i16x8_s(pair, v1));
      h1 = i32x4.add(h1, i32x4.dot_i16x8_s(pair, i16x8.shr_s(v1, 8)));
      const v2 = v128.load(w, 32);
      w2 = i32x4.add(w2, i32x4.dot_i16x8_s(pair, v2));
      h2 = i32x4.add(h2, i32x4.dot_i16x8_s(pair, i16x8.shr_s(v2, 8)));
      const v3 = v128.load(w, 48);
      w3 = i32x4.add(w3, i32x4.dot_i16x8_s(pair, v3));
      h3 = i32x4.add(h3, i32x4.dot_i16x8_s(pair, i16x8.shr_s(v3, 8)));
    }
    f0 = f32x4.add(f0, low(w0, h0));
    f1 = f32x4.add(f1, f32x4.convert_i32x4_s(h0));
    f2 = f32x4.add(f2, low(w1, h1));
    f3 = f32x4.add(f3, f32x4.convert_i32x4_s(h1));
    f4 = f32x4.add(f4, low(w2, h2));
    f5 = f32x4.add(f5, f32x4.convert_i32x4_s(h2));
    f6 = f32x4.add(f6, low(w3, h3));
    f7 = f32x4.add(f7, f32x4.convert_i32x4_s(h3));
  }
  finish(f0, factor, scales, bias, residual, out, output, outputs);
  finish(f1, factor, scales, bias, residual, out, output + 4, outputs);
  finish(f2, factor, scales, bias, residual, out, output + 8, outputs);
  finish(f3, factor, scales, bias, residual, out, output + 12, outputs);
  finish(f4, factor, scales, bias, residual, out, output + 16, outputs);
  finish(f5, factor, scales, bias, residual, out, output + 20, outputs);
  finish(f6, factor, scales, bias, residual, out, output + 24, outputs);
  finish(f7, factor, scales, bias, residual, out, output + 28, outputs);
}

/** The sum of int16 numbers; what fills up the last vector is 0. */
function sum(x: usize, end: usize): i32 {
  let sums = i32x4.splat(0);
  for (; x < end; x += 16) sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.load(x), i16x8.splat(1)));
  sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
}

/** The sums of the low bytes, from those of the words and of the high bytes. */
function low(words: v128, high: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.sub(words, i32x4.shl(high, 8)));
}

/** Four rows with eight outputs of a tile: each weight is made a word once for all four. */
function fourRows(
  x: usize,
  rowBytes: usize,
  xScales: usize,
  w: usize,
  pairs: i32,
  scales: usize,
  bias: usize,
  residual: usize,
  out: usize,
  output: i32,
  outputs: i32,
): void {
  const zero = f32x4.splat(0);
  const x1 = rowBytes;
  const x2 = rowBytes * 2;
  const x3 = rowBytes * 3;
  let f0 = zero;
  let f1 = zero;
  let f2 = zero;
  let f3 = zero;
  let f4 = zero;
  let f5 = zero;
  let f6 = zero;
  let f7 = zero;
  for (let left = pairs; left > 0; left -= BLOCK) {
    let a0 = zero;
    let a1 = zero;
    let a2 = zero;
    let a3 = zero;
    let a4 = zero;
    let a5 = zero;
    let a6 = zero;
    let a7 = zero;
    const end = x + ((<usize>min(left, BLOCK)) << 2);
    for (; x < end; x += 4, w += PAIR_BYTES) {
      const words = v128.load(w);
      const low = i16x8.sub(v128.and(words, i16x8.splat(255)), i16x8.splat(128));
      const high = i16x8.shr_s(words, 8);
      let pair = v128.load32_splat(x);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, low));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, high));
      pair = v128.load32_splat(x + x1);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(pair, low));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(pair, high));
      pair = v128.load32_splat(x + x2);
      a4 = i32x4.add(a4, i32x4.dot_i16x8_s(pair, low));
      a5 = i32x4.add(a5, i32x4.dot_i16x8_s(pair, high));
      pair = v128.load32_splat(x + x3);
      a6 = i32x4.add(a6, i32x4.dot_i16x8_s(pair, low));
      a7 = i32x4.add(a7, i32x4.dot_i16x8_s(pair, high));
    }
    f0 = f32x4.add(f0, f32x4.convert_i32x4_s(a0));
    f1 = f32x4.add(f1, f32x4.convert_i32x4_s(a1));
    f2 = f32x4.add(f2, f32x4.convert_i32x4_s(a2));
    f3 = f32x4.add(f3, f32x4.convert_i32x4_s(a3));
    f4 = f32x4.add(f4, f32x4.convert_i32x4_s(a4));
    f5 = f32x4.add(f5, f32x4.convert_i32x4_s(a5));
    f6 = f32x4.add(f6, f32x4.convert_i32x4_s(a6));
    f7 = f32x4.add(f7, f32x4.convert_i32x4_s(a7));
  }
  finishRow(f0, f1, xScales, 0, scales, bias, residual, out, output, outputs);
  finishRow(f2, f3, xScales, 1, scales, bias, residual, out, output, outputs);
  finishRow(f4, f5, xScales, 2, scales, bias, residual, out, output, outputs);
  finishRow(f6, f7, xScales, 3, scales, bias, residual, out, output, outputs);
}
