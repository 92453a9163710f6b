/**
 * GPT-2 as a list of dispatches over buffers that never change: made once, replayed for every token.
 *
 * Shapes: n rows of a chunk, D width, F inner width, C context, V vocabulary.
 */

import { Trouble } from "../trouble.js";
import { ATTENTION_ACCESS, attentionShader, MAX_HEAD_WIDTH } from "./attention.js";
import { uploadMatrix, uploadVector } from "./device_weights.js";
import { EMBEDDING_ACCESS, embeddingShader } from "./embedding.js";
import { LAYER_NORM_ACCESS, layerNormShader } from "./layer_norm.js";
import { linearAccess, MATMUL_TILE, MATVEC_OUTPUTS, matmulShader, matvecShader } from "./linear.js";
import { MAX_VOCABULARY, TOP_K_ACCESS, topKShader } from "./top_k.js";
import { padded } from "./wgsl.js";

/** Tokens of a prompt that are encoded at once. */
export const CHUNK_ROWS = 64;

/**
 * @typedef {{pipeline: GPUComputePipeline, group: GPUBindGroup, workgroups: (rows: number) => [number, number]}}
 *   Dispatch
 * @typedef {{one: Dispatch, many: Dispatch}} Operation For one row, and for more.
 * @typedef {import("./device_weights.js").DeviceMatrix} DeviceMatrix
 * @typedef {{matrix: DeviceMatrix, bias: GPUBuffer, ending: import("./linear.js").LinearShape["ending"],
 *   input: GPUBuffer, output: GPUBuffer, cache?: GPUBuffer}} Product
 * @typedef {import("../bundle/weights.js").WeightStore} WeightStore
 */

export class GpuModel {
  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {import("../decoder.js").ModelConfig} config
   * @param {number} vocabularySize Ids from here on get no logits.
   */
  constructor(gpu, config, vocabularySize) {
    const { n_embd: width, n_head: heads, n_positions: context } = config;
    if (width / heads > MAX_HEAD_WIDTH)
      throw new Trouble("backend_failed", `heads of width ${width / heads}; the shaders take ${MAX_HEAD_WIDTH}`);
    if (vocabularySize >= MAX_VOCABULARY) throw new Trouble("backend_failed", `${vocabularySize} tokens`);
    this.gpu = gpu;
    this.config = config;
    this.vocabularySize = vocabularySize;
    this.chunk = gpu.buffer("chunk", 16, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    this.ids = gpu.scratch("ids", CHUNK_ROWS * 4);
    this.x = this.rows("x", width); // [n, D], what the layers add to
    this.normed = this.rows("normed", width); // [n, D]
    this.query = this.rows("query", width); // [n, D]
    this.attended = this.rows("attended", width); // [n, D]
    /** @type {GPUBuffer | undefined} */
    this.hidden = undefined; // [n, F]
    this.last = gpu.scratch("last", padded(width) * 4); // [1, D]
    this.logits = gpu.scratch("logits", padded(vocabularySize) * 4); // [1, V]
    this.context = context;
    /** @type {GPUBuffer[]} A layer each. */
    this.caches = [];
    /** @type {Operation[]} From ids to the rows after all layers. */
    this.layers = [];
    /** @type {Dispatch[]} From the last row to logits. */
    this.head = [];
  }

  /** @private */
  rows(/** @type {string} */ label, /** @type {number} */ size) {
    return this.gpu.scratch(label, CHUNK_ROWS * padded(size) * 4);
  }

  /**
   * Brings the weights to the device and compiles.
   *
   * @param {WeightStore} weights
   */
  async load(weights) {
    const { n_embd: width, n_layer: layers } = this.config;
    const rows = { inputs: width, outputs: this.vocabularySize, transposed: false };
    const tokens = uploadMatrix(this.gpu, weights, "wte.weight", rows);
    this.layers.push(await this.embedding(weights, tokens));
    for (let layer = 0; layer < layers; layer++) this.layers.push(...(await this.block(weights, `h.${layer}.`)));
    const tied = this.config.tie_word_embeddings ?? true;
    const matrix = tied ? tokens : uploadMatrix(this.gpu, weights, "lm_head.weight", rows);
    const norm = await this.norm(weights, "ln_f", this.x, this.last, true);
    const bias = this.gpu.scratch("no bias", padded(this.vocabularySize) * 4);
    const logits = await this.matvec({ matrix, bias, ending: "set", input: this.last, output: this.logits });
    this.head = [norm.one, logits];
    this.gpu.check();
  }

  /**
   * @param {GPUBuffer} candidates
   * @returns {Promise<Dispatch>}
   */
  async topK(candidates) {
    const code = topKShader({ vocabulary: this.vocabularySize });
    const kernel = await this.gpu.kernel("top k", code, [...TOP_K_ACCESS]);
    return dispatch(kernel, [this.chunk, this.logits, candidates], () => [1, 1]);
  }

  /** One layer: seven dispatches. @private */
  async block(/** @type {WeightStore} */ weights, /** @type {string} */ prefix) {
    const { n_embd: width, n_head: heads } = this.config;
    const inner = weights.float32(`${prefix}mlp.c_fc.bias`).length;
    this.hidden ??= this.rows("hidden", inner);
    const cache = this.gpu.scratch(`${prefix}cache`, 2 * this.context * width * 4);
    const code = attentionShader({ width, heads, context: this.context });
    const attention = await this.gpu.kernel("attention", code, [...ATTENTION_ACCESS]);
    this.caches.push(cache);
    const attend = dispatch(attention, [this.chunk, this.query, cache, this.attended], (rows) => [heads, rows]);
    const product = (/** @type {string} */ name, /** @type {Omit<Product, "matrix" | "bias">} */ rest) => {
      const outputs = weights.float32(`${prefix}${name}.bias`).length;
      const matrix = uploadMatrix(this.gpu, weights, `${prefix}${name}.weight`, {
        inputs: rest.input === this.hidden ? inner : width,
        outputs,
        transposed: true,
      });
      const bias = uploadVector(this.gpu, weights, `${prefix}${name}.bias`);
      return this.product({ matrix, bias, ...rest });
    };
    const { x, normed, query, attended, hidden } = this;
    const operations = await Promise.all([
      this.norm(weights, `${prefix}ln_1`, x, normed, false),
      product("attn.c_attn", { ending: "attention", input: normed, output: query, cache }),
      { one: attend, many: attend },
      product("attn.c_proj", { ending: "add", input: attended, output: x }),
      this.norm(weights, `${prefix}ln_2`, x, normed, false),
      product("mlp.c_fc", { ending: "gelu", input: normed, output: hidden }),
      product("mlp.c_proj", { ending: "add", input: hidden, output: x }),
    ]);
    // So that the copies on their way to the device never pile up.
    await this.gpu.device.queue.onSubmittedWorkDone();
    return operations;
  }

  /** @private */
  async embedding(/** @type {WeightStore} */ weights, /** @type {DeviceMatrix} */ tokens) {
    const { n_embd: width } = this.config;
    const positions = uploadMatrix(this.gpu, weights, "wpe.weight", {
      inputs: width,
      outputs: this.context,
      transposed: false,
    });
    const code = embeddingShader({ width, kind: tokens.kind });
    const kernel = await this.gpu.kernel("embedding", code, [...EMBEDDING_ACCESS]);
    const buffers = [this.chunk, tokens.values, tokens.scales, positions.values, this.ids, this.x];
    const both = dispatch(kernel, buffers, (rows) => [1, rows]);
    return { one: both, many: both };
  }

  /** @private */
  async norm(
    /** @type {WeightStore} */ weights,
    /** @type {string} */ name,
    /** @type {GPUBuffer} */ input,
    /** @type {GPUBuffer} */ output,
    /** @type {boolean} */ onlyLast,
  ) {
    const { n_embd: width, layer_norm_epsilon: epsilon = 1e-5 } = this.config;
    const code = layerNormShader({ width, epsilon, onlyLast });
    const scale = uploadVector(this.gpu, weights, `${name}.weight`);
    const bias = uploadVector(this.gpu, weights, `${name}.bias`);
    const kernel = await this.gpu.kernel("layer norm", code, [...LAYER_NORM_ACCESS]);
    const buffers = [this.chunk, input, scale, bias, output];
    const both = dispatch(kernel, buffers, (rows) => [1, onlyLast ? 1 : rows]);
    return { one: both, many: both };
  }

  /** Both forms of a product. @private */
  async product(/** @type {Product} */ product) {
    const { outputs } = product.matrix;
    const [one, many] = await Promise.all([
      this.matvec(product),
      this.linear(product, matmulShader, (rows) => [
        Math.ceil(outputs / MATMUL_TILE),
        Math.ceil(rows / MATMUL_TILE),
      ]),
    ]);
    return { one, many };
  }

  /** @private */
  matvec(/** @type {Product} */ product) {
    return this.linear(product, matvecShader, () => [Math.ceil(product.matrix.outputs / MATVEC_OUTPUTS), 1]);
  }

  /** @private */
  async linear(
    /** @type {Product} */ { matrix, bias, ending, input, output, cache },
    /** @type {typeof matvecShader} */ shader,
    /** @type {Dispatch["workgroups"]} */ workgroups,
  ) {
    const code = shader({ ...matrix, ending, context: this.context });
    const kernel = await this.gpu.kernel(`linear, ${ending}`, code, linearAccess(ending));
    const buffers = [this.chunk, matrix.values, matrix.scales, bias, input, output, ...(cache ? [cache] : [])];
    return dispatch(kernel, buffers, workgroups);
  }
}

/**
 * @param {import("./device.js").Kernel} kernel
 * @param {GPUBuffer[]} buffers
 * @param {Dispatch["workgroups"]} workgroups
 * @returns {Dispatch}
 */
function dispatch({ pipeline, bind }, buffers, workgroups) {
  return { pipeline, group: bind(buffers), workgroups };
}
