/**
 * What a view is given to look at. In the page numbers come from the worker (worker_source.js), in a file and a notebook
 * from what Python has put beside it (file_source.js); the views do not know which.
 *
 * Shapes: T tokens, L layers, H heads, K width of a head.
 *
 * @typedef {object} Token
 * @property {number} id
 * @property {string} text Of a token that is only part of a character: its bytes, <0xE4> each.
 * @property {boolean} bytes Whether it is only part of a character.
 *
 * @typedef {object} SourceSettings
 * @property {number} temperature
 * @property {number} topK
 * @property {number} topP
 * @property {number} [repetitionPenalty] 1 where it is left out.
 *
 * @typedef {object} Candidates What may follow a position, likeliest first, the lower id first among equals.
 * @property {ArrayLike<number>} ids Ten or more.
 * @property {string[]} texts
 * @property {ArrayLike<number>} logits
 * @property {number} logSumExp Of all logits.
 * @property {Float32Array} [all] All logits, where they are at hand: what settings do to them is then exact.
 *
 * @typedef {object} Draw How the token after a position was drawn.
 * @property {number} random In [0, 1).
 * @property {SourceSettings} settings As they were.
 *
 * @typedef {object} Lens What the model would say after each layer; row 0 is the embedding, row L the model's answer.
 * @property {Int32Array} ids [L + 1, T, 10]
 * @property {Float32Array} probabilities [L + 1, T, 10]
 * @property {Record<number, string> | Map<number, string>} texts Of every id.
 *
 * @typedef {object} Walk The numbers on one token's way, as far as they are known.
 * @property {Float32Array} [embedding] [D]
 * @property {Float32Array} [position] [D]
 * @property {Float32Array} hidden [L + 1, D] The residual stream before the first layer and after each.
 * @property {{name: string, shape: number[], count: number}[]} [parameters]
 *
 * @typedef {object} Source
 * @property {Token[]} tokens
 * @property {{layers: number, heads: number, headDim: number, width: number, vocabulary: number, context?: number,
 *   inner?: number, tied?: boolean}} shape
 * @property {SourceSettings} settings
 * @property {(layer: number) => Promise<Float32Array>} attention [H, T, T], by query and key; 0 above the diagonal.
 * @property {(layer: number) => Promise<{queries: Float32Array, keys: Float32Array, values: Float32Array}>} projections
 *   [H, T, K] each.
 * @property {(position: number) => Promise<Candidates>} candidates Of what follows a position; -1 for the first token.
 * @property {() => Promise<{logProbabilities: Float32Array, ranks: Int32Array}>} surprise [T] each, ranks from 1; NaN and
 *   0 where the model had nothing to go by.
 * @property {(from?: number, to?: number) => Promise<Lens>} lens Of all positions, or of some.
 * @property {(position: number) => Promise<Walk>} [walk]
 * @property {(position: number) => Draw | null} [draw] Null where a token was not drawn.
 * @property {string} [note] What of a longer text this is, say.
 */

/** An error whose sentence strings.js has under its code. */
export class SourceError extends Error {
  /** @param {string} code @param {string} [detail] */
  constructor(code, detail = "") {
    super(detail || code);
    this.code = code;
  }
}
