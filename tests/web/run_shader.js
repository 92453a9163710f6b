/**
 * Runs one shader of web/src/runtime/webgpu in a page of that origin, for tests/web/test_shaders.py.
 *
 * `buffers` follow binding 0 in order: base64 of their content, or a count of int8 weights to make up by the formula that
 * the test knows too. The last `outputs` of them can be written. Returns the content of the last.
 */
async ({ folder, module, shader, shape, chunk, buffers, outputs, workgroups }) => {
  const { Gpu } = await import(`${folder}/device.js`);
  globalThis.gpu ??= await Gpu.open(() => {});
  const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const madeUp = (count) => {
    const values = new Int8Array(count);
    for (let i = 0; i < count; i++) values[i] = (Math.imul(i, 2654435761) >> 24) | 1;
    return values;
  };
  const bound = buffers.map((content, i) => {
    const bytes = typeof content === "number" ? madeUp(content) : decode(content);
    const buffer = gpu.scratch(`${shader} ${i}`, bytes.byteLength);
    gpu.device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  });
  const uniform = gpu.buffer("chunk", 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  gpu.device.queue.writeBuffer(uniform, 0, new Uint32Array(chunk));
  const access = bound.map((_, i) => (i < bound.length - outputs ? "read-only-storage" : "storage"));
  const code = (await import(`${folder}/${module}.js`))[shader](shape);
  const kernel = await gpu.kernel(shader, code, ["uniform", ...access]);
  const last = bound.at(-1);
  const result = gpu.buffer("result", last.size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, kernel.bind([uniform, ...bound]));
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  encoder.copyBufferToBuffer(last, 0, result, 0, last.size);
  gpu.device.queue.submit([encoder.finish()]);
  const bytes = new Uint8Array(await gpu.read(result, last.size));
  for (const buffer of [uniform, result, ...bound]) buffer.destroy();
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
