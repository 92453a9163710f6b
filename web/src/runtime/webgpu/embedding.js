/** Token and position embeddings, added: the first shader of a step. */

import { CHUNK, matrixReader, padded } from "./wgsl.js";

const LANES = 64;

/** Bindings: chunk, token matrix [V, D], its scales [V], position matrix [C, D] float32, ids [n], output [n, D]. */
export const EMBEDDING_ACCESS = /** @type {const} */ ([
  "uniform",
  "read-only-storage",
  "read-only-storage",
  "read-only-storage",
  "read-only-storage",
  "storage",
]);

/**
 * One workgroup a row.
 *
 * @param {{width: number, kind: "int8" | "float32"}} shape Kind of the token matrix.
 */
export function embeddingShader({ width, kind }) {
  return `
${CHUNK}
${matrixReader(kind, 1)}
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> positions: array<vec4f>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
const FOURS = ${padded(width) / 4}u;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let id = ids[row];
  for (var i = lane; i < FOURS; i += ${LANES}u) {
    output[row * FOURS + i] = four(id * FOURS + i) * scales[id] + positions[(chunk.position + row) * FOURS + i];
  }
}
`;
}
