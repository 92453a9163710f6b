/**
 * Products of int16 rows with an int8 matrix.
 *
 * A matrix [inputs, outputs] lies as tiles of 32 outputs. In a tile come the inputs by twos; for each two of them the 32
 * outputs; for each output its two weights: 64 bytes. One `dot` multiplies the weights of four outputs with two inputs
 * and adds them by twos. What is missing in the last tile and in the last two inputs is zero.
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
      const pair = v128.load32_splat(x);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 0)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 8)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 16)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 24)));
      a4 = i32x4.add(a4, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 32)));
      a5 = i32x4.add(a5, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 40)));
      a6 = i32x4.add(a6, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 48)));
      a7 = i32x4.add(a7, i32x4.dot_i16x8_s(pair, v128.load_ext<i8>(w, 56)));
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
  finish(f0, factor, scales, bias, residual, out, output, outputs);
  finish(f1, factor, scales, bias, residual, out, output + 4, outputs);
  finish(f2, factor, scales, bias, residual, out, output + 8, outputs);
  finish(f3, factor, scales, bias, residual, out, output + 12, outputs);
  finish(f4, factor, scales, bias, residual, out, output + 16, outputs);
  finish(f5, factor, scales, bias, residual, out, output + 20, outputs);
  finish(f6, factor, scales, bias, residual, out, output + 24, outputs);
  finish(f7, factor, scales, bias, residual, out, output + 28, outputs);
}

/** Four rows with eight outputs of a tile: each weight is widened once for all four. */
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
      const low = v128.load_ext<i8>(w, 0);
      const high = v128.load_ext<i8>(w, 8);
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
