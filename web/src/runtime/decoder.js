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
 * @property {() => Float32Array} [lastLogits] All logits [V] of what follows the last token, after `encodeCandidates` too.
 * @property {(count: number) => Float32Array} [states] What the last layer has put out for the first tokens [count, D]: from
 *   it `answer` tells at any time what the model said after each.
 * @property {(state: Float32Array) => Float32Array | Promise<Float32Array>} [answer] Logits [V] of a state [D] of any layer.
 * @property {(ids: number[], watch: Watch, stopped: () => Promise<boolean>) => Promise<boolean>} [trace] Forgets all
 *   tokens, encodes these, and shows what no other call needs. False when stopped.
 *
 * @typedef {(kind: "state" | "projections", layer: number, first: number, values: Float32Array) => void} Watch Is told of
 *   the tokens from `first` on: states [n, D], layer 0 before all and L after the last, and [n, 3 D], what layer `layer`
 *   computes with: queries, keys, values. `values` are to be copied.
 *
 * @typedef {object} Candidates The likeliest tokens by falling logit, the lower id first among equals.
 * @property {Uint32Array} ids
 * @property {Float32Array} logits
 *
 * @typedef {{n_layer: number, n_head: number, n_embd: number, n_positions: number, layer_norm_epsilon?: number,
 *   n_inner?: number | null, tie_word_embeddings?: boolean}} ModelConfig
 */

export {};
