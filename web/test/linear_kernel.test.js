/** Matrix products against float64, worst shapes included. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLow, tilePlace } from "../src/runtime/bundle/weights.js";
import { at, error, normal, put, room, useKernels } from "./kernel_setup.js";

const kernels = useKernels();

/** A matrix of int8 in tiles; returns them and the weight of an input and output. */
function tiles(inputs, outputs, weight) {
  const packed = room(Int8Array, tilePlace(Math.ceil(outputs / 32) * 32, inputs));
  for (let i = 0; i < packed.length; i++) packed[i] = i & 1 ? 0 : 128;
  for (let output = 0; output < outputs; output++) {
    const place = tilePlace(output, inputs);
    for (let i = 0; i < inputs; i++)
      packed[place + (i >> 1) * 64 + 2 * (i & 1)] = weight(i, output) + (isLow(output) ? 128 : 0);
  }
  return packed;
}

function multiply({ n, inputs, outputs, x, weight, scales, bias, residual, split = false }) {
  const stride = Math.ceil(inputs / 8) * 8;
  const packed = tiles(inputs, outputs, weight);
  const rounded = room(Int16Array, n * stride);
  const xScales = room(Float32Array, n);
  const out = room(Float32Array, n * outputs);
  kernels.quantise(at(x), at(rounded), at(xScales), n, inputs, stride);
  const last = Math.ceil(outputs / 32);
  const middle = split ? last >> 1 : last;
  for (const [first, next] of [
    [0, middle],
    [middle, last],
  ]) {
    kernels.multiply(
      ...[at(rounded), at(xScales), n, stride, inputs, at(packed), at(scales)],
      ...[at(bias), at(residual), at(out), outputs, first, next],
    );
  }
  return out;
}

/** Rows, inputs and outputs of GPT-2 from 124 M to 1.6 G, its vocabulary, and shapes that fill no tile. */
const SHAPES = [
  [1, 1, 1],
  [5, 7, 3],
  [4, 33, 65],
  [2, 48, 144],
  [9, 100, 30],
  [1, 768, 2304],
  [6, 768, 770],
  [1, 3072, 768],
  [1, 1600, 4800],
  [5, 6400, 200],
  [1, 768, 50257],
];

for (const [n, inputs, outputs] of SHAPES) {
  test(`product [${n}, ${inputs}] x [${inputs}, ${outputs}] with bias and residual`, () => {
    const x = put(normal(n * inputs));
    const weights = Int8Array.from(normal(inputs * outputs, 40, 4), (value) =>
      Math.max(-127, Math.min(127, value)),
    );
    const weight = (i, output) => weights[output * inputs + i];
    const scales = put(normal(outputs, 0.01, 5));
    const bias = put(normal(outputs, 1, 6));
    const residual = put(normal(n * outputs, 1, 7));
    const out = multiply({ n, inputs, outputs, x, weight, scales, bias, residual, split: true });
    const expected = new Float64Array(n * outputs);
    for (let row = 0; row < n; row++) {
      for (let output = 0; output < outputs; output++) {
        let sum = 0;
        for (let i = 0; i < inputs; i++) sum += x[row * inputs + i] * weights[output * inputs + i];
        expected[row * outputs + output] = sum * scales[output] + bias[output] + residual[row * outputs + output];
      }
    }
    assert.ok(error(out, expected) < 5e-5, String(error(out, expected)));
  });
}

test("a product of the largest numbers does not overflow", () => {
  const [inputs, outputs] = [6400, 40];
  const x = put(new Float32Array(5 * inputs).fill(-2));
  const scales = put(new Float32Array(outputs).fill(1));
  const weight = (_, output) => (output % 2 ? 127 : -127);
  const out = multiply({ n: 5, inputs, outputs, x, weight, scales });
  const expected = Float64Array.from(out, (_, i) => ((i % outputs) % 2 ? -254 * inputs : 254 * inputs));
  assert.ok(error(out, expected) < 1e-6);
});
