/**
 * The k largest logits, the lower id first among equals: a radix select by bytes, so that k numbers leave the device
 * instead of the whole vocabulary. Which k is exact; their order is not fixed, and the reader sorts them.
 */

import { CHUNK } from "./wgsl.js";

/** The most candidates that one call returns; beyond, the logits themselves are no more to read. */
export const MAX_CANDIDATES = 1024;
/** Ids are compared by their three lowest bytes. */
export const MAX_VOCABULARY = 2 ** 24;

const LANES = 256; // as many as a byte has values

/** Bindings: chunk, logits [V], candidates: [k] pairs of an id and the bits of its logit. */
export const TOP_K_ACCESS = /** @type {const} */ (["uniform", "read-only-storage", "storage"]);

/** One workgroup. @param {{vocabulary: number}} shape */
export function topKShader({ vocabulary }) {
  return `
${CHUNK}
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> candidates: array<vec2u>;
const VOCABULARY = ${vocabulary}u;
const LANES = ${LANES}u;

struct Choice {
  digit: u32, // the byte of the smallest key that is still wanted
  left: u32, // how many are wanted of those with this byte
  found: u32, // how many have it
}
var<workgroup> histogram: array<atomic<u32>, ${LANES}>;
var<workgroup> atLeast: array<u32, ${LANES}>; // how many keys have this byte or a larger one
var<workgroup> choice: Choice;
var<workgroup> filled: atomic<u32>;

/// Unsigned numbers in the order of the floats; both zeros are one number.
fn valueKey(id: u32) -> u32 {
  let bits = bitcast<u32>(logits[id]);
  if (bits == 0x80000000u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

/// The lower the id, the larger.
fn idKey(id: u32) -> u32 { return 0xffffffffu - id; }

/// From the histogram of one byte to that byte of the wanted-th largest key.
fn choose(lane: u32, wanted: u32) -> Choice {
  workgroupBarrier();
  atLeast[lane] = atomicLoad(&histogram[lane]);
  for (var step = 1u; step < LANES; step <<= 1u) {
    workgroupBarrier();
    var above = 0u;
    if (lane + step < LANES) { above = atLeast[lane + step]; }
    workgroupBarrier();
    atLeast[lane] += above;
  }
  workgroupBarrier();
  var larger = 0u;
  if (lane + 1u < LANES) { larger = atLeast[lane + 1u]; }
  if (larger < wanted && wanted <= atLeast[lane]) {
    choice = Choice(lane, wanted - larger, atLeast[lane] - larger);
  }
  atomicStore(&histogram[lane], 0u);
  return workgroupUniformLoad(&choice); // waits for all lanes
}

@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32) {
  var current = Choice(0u, chunk.candidates, 0u);
  var value = 0u; // of the last one that is wanted, byte by byte from the highest
  for (var byte = 4u; byte > 0u; byte--) {
    let shift = (byte - 1u) * 8u;
    let decided = select(0xffffffffu << ((shift + 8u) % 32u), 0u, byte == 4u);
    for (var id = lane; id < VOCABULARY; id += LANES) {
      let key = valueKey(id);
      if ((key & decided) == value) { atomicAdd(&histogram[(key >> shift) & 255u], 1u); }
    }
    current = choose(lane, current.left);
    value |= current.digit << shift;
  }
  var lowest = 0u; // key of the highest id that is wanted among those of that value
  if (current.found > current.left) {
    lowest = 0xff000000u;
    for (var byte = 3u; byte > 0u; byte--) {
      let shift = (byte - 1u) * 8u;
      let decided = 0xffffffffu << (shift + 8u);
      for (var id = lane; id < VOCABULARY; id += LANES) {
        let key = idKey(id);
        if (valueKey(id) == value && (key & decided) == lowest) {
          atomicAdd(&histogram[(key >> shift) & 255u], 1u);
        }
      }
      current = choose(lane, current.left);
      lowest |= current.digit << shift;
    }
  }
  for (var id = lane; id < VOCABULARY; id += LANES) {
    let key = valueKey(id);
    if (key > value || (key == value && idKey(id) >= lowest)) {
      let place = atomicAdd(&filled, 1u);
      if (place < chunk.candidates) { candidates[place] = vec2u(id, bitcast<u32>(logits[id])); }
    }
  }
}
`;
}
