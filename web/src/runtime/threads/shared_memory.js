/** Memory that threads and the kernels' module share, given out from its start to its end and never back. */

const PAGE = 65_536;
const LINE = 64; // of a processor's cache: what two threads write does not lie on one
// The largest that 32 bits address. A browser sets addresses aside for it, not memory.
const MAXIMUM_PAGES = 65_536;

export class SharedMemory {
  /** @throws {Error} Where the page is not isolated from others, so that memory cannot be shared. */
  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true });
    this.end = LINE; // address 0 means "none" to the kernels
  }

  /**
   * Pages that are never written cost nothing.
   *
   * @param {number} bytes
   * @returns {number} The address of so many bytes, all 0.
   * @throws {RangeError} Out of memory.
   */
  take(bytes) {
    const address = this.end;
    this.end = address + Math.ceil(bytes / LINE) * LINE;
    const missing = Math.ceil(this.end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) this.memory.grow(missing);
    return address;
  }

  /** Float32 numbers at an address. */
  floats(/** @type {number} */ address, /** @type {number} */ count) {
    return new Float32Array(this.memory.buffer, address, count);
  }

  bytes(/** @type {number} */ address, /** @type {number} */ count) {
    return new Uint8Array(this.memory.buffer, address, count);
  }
}
