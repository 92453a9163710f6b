/** What the kernels' decoder does around its steps; that these compute GPT-2, the browser tests compare with Keras. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { tilePlace } from "../src/runtime/bundle/weights.js";
import { KernelDecoder } from "../src/runtime/int8/kernel_decoder.js";
import { ROWS } from "../src/runtime/int8/plan.js";
import { MAX_INSERTION } from "../src/runtime/writing/sampler.js";

const [WIDTH, CONTEXT, X] = [6, 200, 64];
const config = { n_layer: 1, n_head: 1, n_embd: WIDTH, n_positions: CONTEXT };

/** Embeddings of 40 tokens: token t has t in its first column; position p is p / 4 in each. */
const weights = {
  tiles: () => ({ start: 0, inputs: WIDTH, outputs: 40 }),
  float32: (name) =>
    name === "wpe.weight"
      ? Float32Array.from({ length: CONTEXT * WIDTH }, (_, i) => Math.floor(i / WIDTH) / 4)
      : new Float32Array(40).fill(1),
  bytes: () => {
    const bytes = new Uint8Array(tilePlace(64, WIDTH));
    for (let token = 0; token < 40; token++) {
      for (let i = 0; i < WIDTH; i++) {
        const flip = token & 4 ? 0 : 128;
        bytes[tilePlace(token, WIDTH) + (i >> 1) * 64 + 2 * (i & 1)] = (i === 0 ? token : 0) ^ flip;
      }
    }
    return bytes;
  },
};

class Recorder extends KernelDecoder {
  constructor() {
    const plan = /** @type {any} */ ({ width: WIDTH, x: X, head: { outputs: 30 } });
    super(config, /** @type {any} */ (weights), plan, { memory: new WebAssembly.Memory({ initial: 1 }) });
    this.steps = [];
  }

  step(n, last, k) {
    const x = new Float32Array(this.memory.memory.buffer, X, n * WIDTH);
    this.steps.push({ n, last, k, position: this.length, first: x[0], second: x[1] });
    return new Float32Array(1);
  }
}

test("a long prompt goes through in parts, embeddings in place, and only its end is asked for logits", async () => {
  const decoder = new Recorder();
  await decoder.encode([7]);
  await decoder.encode(Array.from({ length: ROWS + 2 }, (_, i) => i % 40));
  assert.deepEqual(decoder.steps, [
    { n: 1, last: true, k: 0, position: 0, first: 7, second: 0 },
    { n: ROWS, last: false, k: 0, position: 1, first: 0.25, second: 0.25 },
    { n: 2, last: true, k: 0, position: ROWS + 1, first: (ROWS % 40) + (ROWS + 1) / 4, second: (ROWS + 1) / 4 },
  ]);
  assert.equal(decoder.length, ROWS + 3);
});

test("no more candidates than there are tokens", async () => {
  const decoder = new Recorder();
  await decoder.encodeCandidates([1], 3);
  await decoder.encodeCandidates([1], 40);
  assert.deepEqual(
    decoder.steps.map(({ k }) => k),
    [3, 30],
  );
  assert.equal(decoder.maxCandidates, MAX_INSERTION);
});

test("what does not fit is refused, and a reset makes room", async () => {
  const decoder = new Recorder();
  await assert.rejects(decoder.encode([]), RangeError);
  await assert.rejects(decoder.encode(new Array(CONTEXT + 1).fill(0)), RangeError);
  await decoder.encode(new Array(CONTEXT).fill(0));
  await assert.rejects(decoder.encode([0]), RangeError);
  decoder.reset();
  await decoder.encode([0]);
});
