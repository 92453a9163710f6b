/**
 * Memory of TensorFlow.js's wasm backend. The only file that touches what tfjs 4.22.0 keeps to itself: package.json pins
 * the version, and `connect` tries everything out before anything relies on it.
 */

import * as tf from "@tensorflow/tfjs-core";

/** @typedef {tf.TensorInfo} TensorInfo */

export class TfjsWasmMemory {
  /** @private */
  constructor(/** @type {any} */ backend, /** @type {WebAssembly.Memory} */ memory) {
    this.backend = backend;
    this.memory = memory;
  }

  /**
   * @returns {TfjsWasmMemory} Of the running backend.
   * @throws {Error} When this tfjs is not as expected.
   */
  static connect() {
    const backend = /** @type {any} */ (tf.backend());
    const memory = backend.wasm?.wasmMemory ?? backend.wasm?.asm?.memory; // the first with threads
    if (!(memory instanceof WebAssembly.Memory)) throw new Error("tfjs's wasm memory is not where it was");
    const connected = new TfjsWasmMemory(backend, memory);
    connected.tryOut();
    return connected;
  }

  /** All of the memory, until it grows: not to be kept. */
  get bytes() {
    return new Uint8Array(this.memory.buffer);
  }

  /** Where a tensor's values lie. */
  address(/** @type {TensorInfo} */ { dataId }) {
    return this.backend.dataIdMap.get(dataId).memoryOffset;
  }

  /**
   * A tensor of any content; pages of memory that are never written cost nothing.
   *
   * @param {number[]} shape
   * @param {"float32" | "int32"} dtype
   * @returns {TensorInfo} As a kernel gives it back.
   * @throws {RangeError} Out of memory.
   */
  empty(shape, dtype) {
    const made = this.backend.makeOutput(shape, dtype);
    if (this.address(made)) return made;
    throw new RangeError(`out of memory: no room for ${dtype} [${shape}]`);
  }

  /** Gives back what `empty` made and no kernel returned. */
  free(/** @type {TensorInfo} */ { dataId }) {
    this.backend.disposeData(dataId);
  }

  /** A value written by tfjs is read at its address, and one written there is read by tfjs. @private */
  tryOut() {
    const values = [1.5, -2.25, 3e9];
    const tensor = tf.tensor1d(values);
    const made = this.empty([3], "float32");
    const { buffer } = this.memory;
    new Float32Array(buffer, this.address(made), 3).set(new Float32Array(buffer, this.address(tensor), 3));
    const seen = this.backend.readSync(made.dataId);
    this.free(made);
    tensor.dispose();
    if (!values.every((value, i) => seen[i] === value)) throw new Error("tfjs's tensors are not where they were");
  }
}
