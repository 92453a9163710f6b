/** The kernels and their memory, for tests. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, beforeEach } from "node:test";
import { compileKernels } from "../compile_kernels.js";

const memory = new WebAssembly.Memory({ initial: 1200 });
const bytes = new Uint8Array(memory.buffer);
const FIRST = 1032; // not a multiple of 16: tensors of a stranger's size lie anywhere
let end = FIRST;
/** @type {Record<string, Function>} */
const kernels = {};

/** Compiles the kernels before the tests of a file, and clears their memory before each. */
export function useKernels() {
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "kernels-"));
    const file = join(folder, "kernels.wasm");
    await compileKernels(file);
    const { instance } = await WebAssembly.instantiate(await readFile(file), { env: { memory } });
    Object.assign(kernels, instance.exports);
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    bytes.fill(0xff, 0, end + 64); // NaN, so that what should not be read shows
    end = FIRST;
  });
  return kernels;
}

/** An array in the kernels' memory, of any content. */
export function room(Kind, length) {
  const view = new Kind(memory.buffer, end, length);
  end += Math.ceil((length * Kind.BYTES_PER_ELEMENT) / 8) * 8;
  return view;
}

/** A copy in the kernels' memory. */
export function put(values) {
  const view = room(values.constructor, values.length);
  view.set(values);
  return view;
}

/** Numbers that look normal, of a given spread; the same for the same seed. */
export function normal(length, spread = 1, seed = 1) {
  let state = seed * 2654435761;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
  return Float32Array.from({ length }, () => spread * (uniform() + uniform() + uniform() + uniform() - 2) * 1.7);
}

/** The largest difference, in parts of the largest expected value. NaN stays NaN. */
export function error(actual, expected) {
  assert.equal(actual.length, expected.length);
  let largest = 1e-30;
  let difference = 0;
  for (let i = 0; i < actual.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
  }
  return difference / largest;
}

/** The address of an array; 0, which means none, without one. */
export const at = (view) => view?.byteOffset ?? 0;
