/**
 * Attention from what a layer computes with: no decoder gives its weights away, and computing them again costs less than
 * keeping them. Shapes: T tokens, H heads, K width of a head, D = H K.
 */

/**
 * @param {Float32Array} projections [T, 3 D]: queries, keys, values.
 * @param {number} which 0 for queries, 1 for keys, 2 for values.
 * @param {number} length T.
 * @param {number} heads
 * @returns {Float32Array} [H, T, K]
 */
export function splitHeads(projections, which, length, heads) {
  const width = projections.length / length / 3;
  const depth = width / heads;
  const split = new Float32Array(length * width);
  for (let token = 0; token < length; token++) {
    for (let head = 0; head < heads; head++) {
      const from = token * 3 * width + which * width + head * depth;
      split.set(projections.subarray(from, from + depth), (head * length + token) * depth);
    }
  }
  return split;
}

/**
 * Softmax of query . key / sqrt(K) over the keys up to the query's place (Vaswani et al. 2017).
 *
 * @param {Float32Array} projections [T, 3 D]
 * @param {number} length T.
 * @param {number} heads
 * @returns {Float32Array} [H, T, T], 0 above the diagonal.
 */
export function attentionOf(projections, length, heads) {
  const queries = splitHeads(projections, 0, length, heads);
  const keys = splitHeads(projections, 1, length, heads);
  const depth = queries.length / length / heads;
  const factor = depth ** -0.5;
  const weights = new Float32Array(heads * length * length);
  const scores = new Float64Array(length);
  for (let row = 0; row < heads * length; row++) {
    const head = Math.floor(row / length);
    const last = row % length;
    const query = queries.subarray(row * depth, (row + 1) * depth);
    let largest = Number.NEGATIVE_INFINITY;
    let key = head * length * depth;
    for (let place = 0; place <= last; place++) {
      let sum = 0;
      for (let column = 0; column < depth; column++) sum += query[column] * keys[key++];
      scores[place] = sum * factor;
      largest = Math.max(largest, scores[place]);
    }
    let total = 0;
    for (let place = 0; place <= last; place++) total += scores[place] = Math.exp(scores[place] - largest);
    for (let place = 0; place <= last; place++) weights[row * length + place] = scores[place] / total;
  }
  return weights;
}
