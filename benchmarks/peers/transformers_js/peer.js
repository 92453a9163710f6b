/**
 * transformers.js writes with the model in model/, one thread: peer.load(dtype) once, then peer.write(prompt tokens,
 * new tokens), which gives the milliseconds of each token. The first token waits for the prompt.
 */

import {
  AutoModelForCausalLM,
  env,
  Tensor,
} from "./packages/node_modules/@huggingface/transformers/dist/transformers.js";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = new URL(".", document.baseURI).href;
env.useBrowserCache = false;
env.backends.onnx.wasm.wasmPaths = new URL("packages/node_modules/onnxruntime-web/dist/", document.baseURI).href;
env.backends.onnx.wasm.numThreads = 1;

const TOP_K = 40;
let model;

globalThis.peer = {
  version: env.version,

  async load(dtype) {
    model = await AutoModelForCausalLM.from_pretrained("model", { device: "wasm", dtype });
  },

  async write(promptTokens, newTokens) {
    const ids = BigInt64Array.from({ length: promptTokens }, (_, index) => BigInt(1 + ((7 * index) % 5000)));
    const shape = [1, promptTokens];
    const times = [];
    await model.generate({
      inputs: new Tensor("int64", ids, shape),
      attention_mask: new Tensor("int64", new BigInt64Array(promptTokens).fill(1n), shape),
      do_sample: true,
      top_k: TOP_K,
      max_new_tokens: newTokens,
      // Called with the prompt first, then with every token.
      streamer: { put: () => times.push(performance.now()), end: () => {} },
    });
    return times.slice(1).map((time, index) => time - times[index]);
  },
};
