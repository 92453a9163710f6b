/**
 * Pieces of WGSL that several shaders share.
 *
 * Activations lie in rows of whole groups of four numbers, so that one load brings four; what pads a row is zero.
 */

/** Numbers in a padded row. @param {number} size */
export function padded(size) {
  return Math.ceil(size / 4) * 4;
}

/** Binding 0: the part of a text that is being encoded. */
export const CHUNK = `
struct Chunk {
  position: u32, // of its first token
  rows: u32, // tokens in it
  candidates: u32, // how many of the likeliest tokens are wanted
}
@group(0) @binding(0) var<uniform> chunk: Chunk;
`;

/**
 * `four(i)`: the i-th group of four of a matrix. The scale of int8 is left to the caller.
 *
 * @param {"int8" | "float32"} kind
 * @param {number} binding
 */
export function matrixReader(kind, binding) {
  if (kind === "float32") {
    return `
@group(0) @binding(${binding}) var<storage, read> matrix: array<vec4f>;
fn four(i: u32) -> vec4f { return matrix[i]; }
`;
  }
  return `
@group(0) @binding(${binding}) var<storage, read> matrix: array<u32>;
// Each byte goes to the top of a word and comes back with its sign; the lowest is the first.
fn four(i: u32) -> vec4f { return vec4f(vec4i(vec4u(matrix[i]) << vec4u(24, 16, 8, 0)) >> vec4u(24)); }
`;
}

/**
 * `sumOverLanes(lane, value)` and `maxOverLanes(lane, value)`: the same result in every lane of a workgroup. All lanes
 * must come by.
 *
 * @param {number} lanes A power of two.
 */
export function reductions(lanes) {
  const reduction = (/** @type {string} */ name, /** @type {string} */ combined) => `
fn ${name}(lane: u32, value: f32) -> f32 {
  lanes[lane] = value;
  for (var count = ${lanes / 2}u; count > 0u; count >>= 1u) {
    workgroupBarrier();
    if (lane < count) { lanes[lane] = ${combined}; }
  }
  workgroupBarrier();
  let result = lanes[0];
  workgroupBarrier(); // the next reduction overwrites it
  return result;
}
`;
  return `
var<workgroup> lanes: array<f32, ${lanes}>;
${reduction("sumOverLanes", "lanes[lane] + lanes[lane + count]")}
${reduction("maxOverLanes", "max(lanes[lane], lanes[lane + count])")}
`;
}
