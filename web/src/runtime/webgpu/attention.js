/** Causal attention of new tokens over cached keys and values, with a running softmax (Milakov and Gimelshein 2018). */

import { CHUNK, padded, reductions } from "./wgsl.js";

/** The widest head: a lane for each of its numbers. */
export const MAX_HEAD_WIDTH = 256;

const LANES = 256;
const LOWEST = "-1e30";

/** Bindings: chunk, queries [n, D], cache of one layer (keys [D, C], then values [C, D]), output [n, D]. */
export const ATTENTION_ACCESS = /** @type {const} */ ([
  "uniform",
  "read-only-storage",
  "read-only-storage",
  "storage",
]);

/**
 * A workgroup for each head (x) and row (y). Lanes take a position each for the scores, where neighbouring lanes read
 * neighbouring keys, and then a column of the head each for the weighted values.
 *
 * @param {{width: number, heads: number, context: number}} shape
 */
export function attentionShader({ width, heads, context }) {
  const headWidth = width / heads;
  return `
${CHUNK}
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> cache: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
${reductions(LANES)}
const HEAD = ${headWidth}u;
const CONTEXT = ${context}u;
const WIDTH = ${width}u;
const STRIDE = ${padded(width)}u;
const SPLITS = ${Math.floor(LANES / headWidth)}u; // lanes that share a column
var<workgroup> query: array<f32, HEAD>;
var<workgroup> weights: array<f32, ${LANES}>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.x * HEAD; // its first column
  let visible = chunk.position + group.y + 1u;
  let column = lane % HEAD;
  let split = lane / HEAD;
  if (lane < HEAD) { query[lane] = queries[group.y * STRIDE + head + lane] * ${headWidth ** -0.5}; }
  workgroupBarrier();
  var highest = ${LOWEST};
  var total = 0.0; // of exp(score - highest)
  var mixed = 0.0; // this lane's part of the values so weighted
  for (var start = 0u; start < visible; start += ${LANES}u) {
    let position = start + lane;
    var score = ${LOWEST};
    if (position < visible) {
      score = 0.0;
      for (var i = 0u; i < HEAD; i++) { score += query[i] * cache[(head + i) * CONTEXT + position]; }
    }
    let peak = max(highest, maxOverLanes(lane, score));
    let weight = exp(score - peak); // 0 past the last one, since each turn sees at least one position
    weights[lane] = weight;
    let fade = exp(highest - peak);
    total = total * fade + sumOverLanes(lane, weight);
    mixed *= fade;
    highest = peak;
    if (split < SPLITS) {
      let end = min(${LANES}u, visible - start);
      for (var i = split; i < end; i += SPLITS) {
        mixed += weights[i] * cache[WIDTH * CONTEXT + (start + i) * WIDTH + head + column];
      }
    }
    workgroupBarrier(); // before the next positions' weights
  }
  weights[lane] = mixed;
  workgroupBarrier();
  if (lane < HEAD) {
    var sum = 0.0;
    for (var i = 0u; i < SPLITS; i++) { sum += weights[i * HEAD + lane]; }
    output[group.y * STRIDE + head + lane] = sum / total;
  }
}
`;
}
