/**
 * Products with a weight matrix [out, in] and what follows them at once: scale, bias, and one of the endings below. Two
 * forms: for one row, where reading the weights is all the work, and for many rows, which share each weight read.
 */

import { CHUNK, matrixReader, padded } from "./wgsl.js";

/** How many outputs a workgroup computes: of the form for one row, and of the form for many. */
export const MATVEC_OUTPUTS = 4;
export const MATMUL_TILE = 32;

const MATVEC_LANES = 64;
const MATMUL_DEPTH = 4; // groups of four inputs in shared memory

/**
 * @typedef {object} LinearShape
 * @property {number} inputs
 * @property {number} outputs
 * @property {"int8" | "float32"} kind Of the matrix.
 * @property {"set" | "add" | "gelu" | "attention"} ending What becomes of y = x W + b:
 *   - set: output = y
 *   - add: output += y, a residual connection
 *   - gelu: output = GELU(y) in its tanh form
 *   - attention: the first third is the query and goes to output, keys and values go to their cache
 * @property {number} [context] For "attention": positions in the cache.
 */

/**
 * Bindings: chunk, matrix [out, in], scales [out], bias [out], input [n, in], output [n, out], and for "attention" the
 * cache of one layer: keys [D, C], then values [C, D].
 *
 * @param {LinearShape["ending"]} ending
 * @returns {import("./device.js").Access[]}
 */
export function linearAccess(ending) {
  const read = "read-only-storage";
  const access = /** @type {import("./device.js").Access[]} */ (["uniform", read, read, read, read, "storage"]);
  return ending === "attention" ? [...access, "storage"] : access;
}

/** What both forms begin with; `finish(row, column, sum)` ends a number. @param {LinearShape} shape */
function prelude({ inputs, outputs, kind, ending, context = 0 }) {
  const width = outputs / 3;
  const endings = {
    set: "output[row * STRIDE + column] = y;",
    add: "output[row * STRIDE + column] += y;",
    // x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x^3)); exp of more than 88 would overflow.
    gelu: `
  let z = y * (1.5957691216057308 + 0.07135481282553 * y * y);
  output[row * STRIDE + column] = y / (1.0 + exp(min(-z, 80.0)));`,
    attention: `
  let position = chunk.position + row;
  if (column < ${width}u) { output[row * ${padded(width)}u + column] = y; }
  else if (column < ${2 * width}u) { cache[(column - ${width}u) * ${context}u + position] = y; }
  else { cache[${width * context}u + position * ${width}u + column - ${2 * width}u] = y; }`,
  };
  return `
${CHUNK}
${matrixReader(kind, 1)}
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> input: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;
${ending === "attention" ? "@group(0) @binding(6) var<storage, read_write> cache: array<f32>;" : ""}
const OUTPUTS = ${outputs}u;
const STRIDE = ${padded(outputs)}u;
const FOURS = ${padded(inputs) / 4}u; // groups of four inputs

fn finish(row: u32, column: u32, sum: f32) {
  if (column >= OUTPUTS) { return; }
  let y = sum * scales[column] + bias[column];
  ${endings[ending]}
}
`;
}

/**
 * y [1, out]: a workgroup for MATVEC_OUTPUTS outputs, whose lanes share the inputs.
 *
 * @param {LinearShape} shape
 */
export function matvecShader(shape) {
  return `
${prelude(shape)}
var<workgroup> sums: array<vec4f, ${MATVEC_LANES}>;

@compute @workgroup_size(${MATVEC_LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${MATVEC_OUTPUTS}u;
  var sum = vec4f();
  for (var i = lane; i < FOURS; i += ${MATVEC_LANES}u) {
    let x = input[i];
    let at = first * FOURS + i; // rows past the last one: read as anything, and not kept
    sum += vec4f(
      dot(x, four(at)), dot(x, four(at + FOURS)), dot(x, four(at + 2u * FOURS)), dot(x, four(at + 3u * FOURS)));
  }
  sums[lane] = sum;
  for (var count = ${MATVEC_LANES / 2}u; count > 0u; count >>= 1u) {
    workgroupBarrier();
    if (lane < count) { sums[lane] += sums[lane + count]; }
  }
  workgroupBarrier();
  if (lane < ${MATVEC_OUTPUTS}u) { finish(0u, first + lane, sums[0][lane]); }
}
`;
}

/**
 * y [n, out]: a workgroup for a tile of MATMUL_TILE outputs by as many rows; a lane for 4 x 4 of them.
 *
 * @param {LinearShape} shape
 */
export function matmulShader(shape) {
  const side = MATMUL_TILE / 4; // lanes along one side of the tile
  return `
${prelude(shape)}
const TILE = ${MATMUL_TILE}u;
const DEPTH = ${MATMUL_DEPTH}u;
var<workgroup> inputTile: array<vec4f, ${MATMUL_TILE * MATMUL_DEPTH}>; // [DEPTH, TILE]
var<workgroup> matrixTile: array<vec4f, ${MATMUL_TILE * MATMUL_DEPTH}>;

@compute @workgroup_size(${side * side})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = (lane % ${side}u) * 4u;
  let row = (lane / ${side}u) * 4u;
  var sums = mat4x4f(); // sums[row][column]
  for (var start = 0u; start < FOURS; start += DEPTH) {
    for (var i = lane; i < TILE * DEPTH; i += ${side * side}u) {
      let source = start + i % DEPTH;
      let item = i / DEPTH;
      let place = (i % DEPTH) * TILE + item;
      // Past the last input a zero hides what follows there; rows past the last one are computed and not kept.
      inputTile[place] = select(vec4f(), input[(group.y * TILE + item) * FOURS + source], source < FOURS);
      matrixTile[place] = four((group.x * TILE + item) * FOURS + source);
    }
    workgroupBarrier();
    for (var depth = 0u; depth < DEPTH; depth++) {
      let w = depth * TILE + column;
      let x = depth * TILE + row;
      // Column r of the product: the four dot products of input row r.
      sums += transpose(mat4x4f(matrixTile[w], matrixTile[w + 1u], matrixTile[w + 2u], matrixTile[w + 3u]))
        * mat4x4f(inputTile[x], inputTile[x + 1u], inputTile[x + 2u], inputTile[x + 3u]);
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    let outputRow = group.y * TILE + row + r;
    if (outputRow >= chunk.rows) { break; }
    for (var c = 0u; c < 4u; c++) { finish(outputRow, group.x * TILE + column + c, sums[r][c]); }
  }
}
`;
}
