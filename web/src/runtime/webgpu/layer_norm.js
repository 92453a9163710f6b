/** Layer normalisation over the last axis (Ba et al. 2016). */

import { CHUNK, padded, reductions } from "./wgsl.js";

const LANES = 256;

/** Bindings: chunk, input [n, D], weight [D], bias [D], output [n, D], or [1, D] of the last row. */
export const LAYER_NORM_ACCESS = /** @type {const} */ ([
  "uniform",
  "read-only-storage",
  "read-only-storage",
  "read-only-storage",
  "storage",
]);

/**
 * One workgroup a row.
 *
 * @param {{width: number, epsilon: number, onlyLast: boolean}} shape `onlyLast`: of the chunk's last row alone.
 */
export function layerNormShader({ width, epsilon, onlyLast }) {
  return `
${CHUNK}
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
${reductions(LANES)}
const WIDTH = ${width}u;
const STRIDE = ${padded(width)}u;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = ${onlyLast ? "(chunk.rows - 1u)" : "group.y"} * STRIDE;
  var sum = 0.0;
  for (var i = lane; i < WIDTH; i += ${LANES}u) { sum += input[start + i]; }
  let mean = sumOverLanes(lane, sum) / f32(WIDTH);
  var squares = 0.0;
  for (var i = lane; i < WIDTH; i += ${LANES}u) {
    let centred = input[start + i] - mean;
    squares += centred * centred;
  }
  let scale = inverseSqrt(sumOverLanes(lane, squares) / f32(WIDTH) + ${epsilon});
  for (var i = lane; i < WIDTH; i += ${LANES}u) {
    output[group.y * STRIDE + i] = (input[start + i] - mean) * scale * weight[i] + bias[i];
  }
}
`;
}
