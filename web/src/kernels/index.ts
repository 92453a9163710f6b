/**
 * GPT-2's arithmetic for WebAssembly with 128-bit SIMD, in AssemblyScript; `build.js` compiles it to dist/kernels.wasm.
 *
 * The module has no memory and no data of its own: it is given that of tfjs's wasm backend, and every argument that
 * says where something lies is an address there, so the kernels work in place on tensors. Nothing here allocates.
 * Ranges of tiles and heads are arguments, so that work can be shared out. docs/notes/browser.md has the layouts.
 */

export { attend } from "./attention";
export { gelu } from "./gelu";
export { layerNorm } from "./layer_norm";
export { multiply } from "./linear";
export { quantise } from "./quantise";
export { topK } from "./top_k";
