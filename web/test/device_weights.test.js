import assert from "node:assert/strict";
import { test } from "node:test";
import { byOutput } from "../src/runtime/webgpu/device_weights.js";

test("a matrix lies by outputs, each row filled up with zeros to whole groups of four", () => {
  const stored = Int8Array.of(1, 2, 3, 4, 5, 6); // [in 3, out 2]
  assert.deepEqual(
    byOutput(stored, { inputs: 3, outputs: 2, transposed: true }),
    Int8Array.of(1, 3, 5, 0, 2, 4, 6, 0),
  );
  const rows = Float32Array.of(1, 2, 3, 4, 5, 6); // [out 3, in 2], the last is left out
  assert.deepEqual(
    byOutput(rows, { inputs: 2, outputs: 2, transposed: false }),
    Float32Array.of(1, 2, 0, 0, 3, 4, 0, 0),
  );
});

test("a large matrix is transposed block by block", () => {
  const [inputs, outputs] = [130, 67];
  const stored = Float32Array.from({ length: inputs * outputs }, (_, i) => i);
  const rows = byOutput(stored, { inputs, outputs, transposed: true });
  for (const [output, input] of [
    [0, 0],
    [66, 129],
    [64, 65],
    [3, 128],
  ])
    assert.equal(rows[output * 132 + input], stored[input * outputs + output]);
});
