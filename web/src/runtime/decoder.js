/**
 * What every decoder offers, whichever way it computes, and the shape of the model that it is made for.
 *
 * @typedef {object} Decoder
 * @property {string} [name] Where it goes by another name than its backend.
 * @property {number} length Tokens encoded since the last `reset`.
 * @property {(ids: number[]) => Promise<Float32Array>} encode Encodes ids after those before; logits [V] of what follows.
 * @property {() => void} reset Forgets all tokens.
 * @property {number} [maxCandidates] How many `encodeCandidates` can return, where there is one.
 * @property {(ids: number[], k: number) => Promise<Candidates>} [encodeCandidates] As `encode`, but only the k likeliest
 *   tokens leave the device.
 *
 * @typedef {object} Candidates The likeliest tokens by falling logit, the lower id first among equals.
 * @property {Uint32Array} ids
 * @property {Float32Array} logits
 *
 * @typedef {{n_layer: number, n_head: number, n_embd: number, n_positions: number, layer_norm_epsilon?: number,
 *   tie_word_embeddings?: boolean}} ModelConfig
 */

export {};
