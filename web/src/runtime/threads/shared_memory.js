/** Memory that threads and the kernels' module share, given out from its start to its end and never back. */

import { Trouble } from "../trouble.js";

const PAGE = 65_536;
const LINE = 64; // of a processor's cache: what two threads write does not lie on one
// The largest that 32 bits address.
const MAXIMUM_PAGES = 65_536;

export class SharedMemory {
  /**
   * @param {number} bytes The most that will be taken: a browser sets addresses aside for it, not memory, but some have no
   *   4 GiB of them to spare.
   * @throws {Trouble} "not_offered" where the page is not isolated from others, or has no room for so much.
   */
  constructor(bytes) {
    const maximum = pagesFor(bytes + LINE);
    try {
      if (maximum > MAXIMUM_PAGES) throw new RangeError(`${bytes} bytes`);
      this.memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch (error) {
      throw new Trouble("not_offered", `shared memory: ${error}`);
    }
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
    this.end = address + roomFor(bytes);
    const missing = pagesFor(this.end) - this.memory.buffer.byteLength / PAGE;
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

/** What `take` takes for so many bytes. */
export function roomFor(/** @type {number} */ bytes) {
  return Math.ceil(bytes / LINE) * LINE;
}

function pagesFor(/** @type {number} */ bytes) {
  return Math.max(1, Math.ceil(bytes / PAGE));
}

/**
 * Whether threads can share memory here: what is probed is what is used, memory that a worker gets by a message. Browsers
 * that make it and cannot send it have no threads for us.
 */
export function canShareMemory() {
  if (!globalThis.crossOriginIsolated) return false;
  try {
    const { memory } = new SharedMemory(PAGE);
    const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const sent = structuredClone({ memory, module });
    return sent.memory.buffer instanceof SharedArrayBuffer && sent.module instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}
