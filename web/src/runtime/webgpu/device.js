/** The graphics card: its device, what is allocated on it, and what goes wrong there. */

import { Trouble } from "../trouble.js";

/**
 * @typedef {"uniform" | "read-only-storage" | "storage"} Access
 * @typedef {{pipeline: GPUComputePipeline, bind: (buffers: GPUBuffer[]) => GPUBindGroup}} Kernel
 */

export class Gpu {
  /** @param {GPUDevice} device */
  constructor(device) {
    this.device = device;
    this.numBuffers = 0;
    this.numBytes = 0;
    /** @type {GPUError | null} */
    this.error = null;
    /** @type {Map<string, Promise<Kernel>>} */
    this.kernels = new Map();
    // An invalid shader or a failed allocation throws nothing: what it should have written stays zero.
    device.onuncapturederror = ({ error }) => {
      this.error ??= error;
    };
  }

  /**
   * @param {(detail: string) => void} onLost
   * @returns {Promise<Gpu>}
   * @throws {Trouble} "backend_failed" where there is no adapter.
   */
  static async open(onLost) {
    const adapter = await globalThis.navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new Trouble("backend_failed", "no WebGPU adapter");
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
    device.lost.then(({ message, reason }) => onLost(message || reason || "device lost"));
    return new Gpu(device);
  }

  /**
   * @param {string} label For messages.
   * @param {number} bytes
   * @param {GPUBufferUsageFlags} usage
   * @throws {Trouble} "backend_failed" where the device cannot hold so much in one buffer.
   */
  buffer(label, bytes, usage) {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > limit) {
      throw new Trouble("backend_failed", `${label} has ${bytes} bytes; this graphics card takes ${limit} at once`);
    }
    this.numBuffers += 1;
    this.numBytes += bytes;
    return this.device.createBuffer({ label, size: bytes, usage });
  }

  /**
   * A buffer that shaders read and write, of zeros.
   *
   * @param {string} label
   * @param {number} bytes
   */
  scratch(label, bytes) {
    return this.buffer(label, bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
  }

  /**
   * @param {string} label
   * @param {Int8Array | Float32Array} content Of a length that 4 divides.
   */
  upload(label, content) {
    const buffer = this.buffer(label, content.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
    this.device.queue.writeBuffer(buffer, 0, /** @type {Float32Array<ArrayBuffer>} */ (content));
    return buffer;
  }

  /**
   * A compiled shader; the same code is compiled once.
   *
   * @param {string} label
   * @param {string} code WGSL with one entry point, `main`.
   * @param {Access[]} access Of bindings 0, 1, 2 and so on.
   * @returns {Promise<Kernel>}
   * @throws {Trouble} "backend_failed" where the shader is refused.
   */
  kernel(label, code, access) {
    const known = this.kernels.get(code);
    if (known) return known;
    const compiling = this.compile(label, code, access);
    this.kernels.set(code, compiling);
    return compiling;
  }

  /** @private */
  async compile(/** @type {string} */ label, /** @type {string} */ code, /** @type {Access[]} */ access) {
    const layout = this.device.createBindGroupLayout({
      label,
      entries: access.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type },
      })),
    });
    const pipeline = await this.device
      .createComputePipelineAsync({
        label,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.device.createShaderModule({ label, code }), entryPoint: "main" },
      })
      .catch((/** @type {Error} */ error) => {
        throw new Trouble("backend_failed", `${label}: ${error.message}`);
      });
    const bind = (/** @type {GPUBuffer[]} */ buffers) =>
      this.device.createBindGroup({
        label,
        layout,
        entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
      });
    return { pipeline, bind };
  }

  /**
   * The bytes that a submitted command copied into a buffer of usage MAP_READ.
   *
   * @param {GPUBuffer} buffer
   * @param {number} bytes
   * @returns {Promise<ArrayBuffer>}
   * @throws {Trouble} "device_lost", or what `check` throws.
   */
  async read(buffer, bytes) {
    try {
      await buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    } catch (error) {
      this.check();
      throw new Trouble("device_lost", String(error));
    }
    const content = buffer.getMappedRange(0, bytes).slice(0);
    buffer.unmap();
    this.check();
    return content;
  }

  /** @throws {Trouble} When anything has failed on the device since it was opened. */
  check() {
    if (!this.error) return;
    const memory = this.error instanceof GPUOutOfMemoryError;
    throw new Trouble(memory ? "out_of_memory" : "backend_failed", this.error.message);
  }
}
