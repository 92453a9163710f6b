/**
 * Keys and values of the tokens so far, and attention over them. Two kinds with one interface:
 *
 *   attend(layer, query, key, value, position)   query, key, value [H, n, K] of tokens `position` and on -> [H, n, K]
 *
 * Shapes: H heads, K head width, C context length, n new tokens, T tokens after them.
 */

import * as tf from "@tensorflow/tfjs-core";

const MASKED = -1e9;
// The newest positions are appended to a small tensor, so that a token copies at most so many of them and not all.
const TAIL = 64;

/** The mask of n queries at `position` over `length` keys, causal; null where everything is visible. */
function causalMask(/** @type {number} */ position, /** @type {number} */ n, /** @type {number} */ length) {
  if (n === 1 && length === position + 1) return null;
  const mask = new Float32Array(n * length);
  for (let query = 0; query < n; query++)
    mask.fill(MASKED, query * length + position + query + 1, (query + 1) * length);
  return tf.tensor(mask, [n, length]);
}

/**
 * @template {tf.Tensor} T
 * @param {T | null} old Disposed of.
 * @param {T} fresh Kept beyond the surrounding tidy.
 */
function replace(old, fresh) {
  old?.dispose();
  return tf.keep(fresh);
}

/** Grows with the text: least work for backends that do not mind changing shapes (wasm, cpu). */
export class GrowingCache {
  /** @param {number} layers */
  constructor(layers) {
    /** @type {{main: [tf.Tensor3D, tf.Tensor3D] | null, tail: [tf.Tensor3D, tf.Tensor3D] | null}[]} */
    this.layers = Array.from({ length: layers }, () => ({ main: null, tail: null }));
  }

  /** How many tokens one call may bring; null for any number. */
  get chunk() {
    return null;
  }

  /**
   * @param {number} layer
   * @param {tf.Tensor3D} query
   * @param {tf.Tensor3D} key
   * @param {tf.Tensor3D} value
   * @param {number} position
   * @returns {tf.Tensor3D}
   */
  attend(layer, query, key, value, position) {
    const n = query.shape[1];
    const kept = this.layers[layer];
    if (kept.tail && (n > 1 || kept.tail[0].shape[1] >= TAIL)) {
      kept.main = append(kept.main, kept.tail);
      kept.tail = dropPair(kept.tail);
    }
    if (n > 1) kept.main = append(kept.main, [key, value]);
    else kept.tail = append(kept.tail, [key, value]);
    const parts = [kept.main, kept.tail].filter((part) => !!part);
    const scores = parts.map(([keys]) => tf.matMul(query, keys, false, true)); // [H, n, T] in parts
    const joined = scores.length > 1 ? tf.concat(scores, 2) : scores[0];
    const mask = causalMask(position, n, joined.shape[2] ?? 0);
    const weights = tf.softmax(mask ? tf.add(joined, mask) : joined);
    if (parts.length === 1) return tf.matMul(/** @type {tf.Tensor3D} */ (weights), parts[0][1]);
    const sizes = parts.map(([keys]) => /** @type {number} */ (keys.shape[1]));
    const [older, newer] = /** @type {tf.Tensor3D[]} */ (tf.split(weights, sizes, 2));
    return tf.add(tf.matMul(older, parts[0][1]), tf.matMul(newer, parts[1][1]));
  }

  clear() {
    for (const kept of this.layers) {
      kept.main = dropPair(kept.main);
      kept.tail = dropPair(kept.tail);
    }
  }
}

function append(
  /** @type {[tf.Tensor3D, tf.Tensor3D] | null} */ old,
  /** @type {[tf.Tensor3D, tf.Tensor3D]} */ fresh,
) {
  const joined = fresh.map((tensor, i) =>
    replace(old?.[i] ?? null, old ? tf.concat([old[i], tensor], 1) : tf.clone(tensor)),
  );
  return /** @type {[tf.Tensor3D, tf.Tensor3D]} */ (joined);
}

function dropPair(/** @type {tf.Tensor3D[] | null} */ pair) {
  for (const tensor of pair ?? []) tensor.dispose();
  return null;
}

/** Of fixed shape, for webgl, which compiles a program for each shape. */
export class FixedCache {
  /**
   * @param {number} layers
   * @param {number} contextLength
   */
  constructor(layers, contextLength) {
    this.contextLength = contextLength;
    /** @type {([tf.Tensor3D, tf.Tensor3D] | null)[]} */
    this.layers = Array.from({ length: layers }, () => null);
  }

  /** Calls bring one token or so many; what is missing is filled with any. */
  get chunk() {
    return Math.min(64, this.contextLength);
  }

  /**
   * @param {number} layer
   * @param {tf.Tensor3D} query
   * @param {tf.Tensor3D} key
   * @param {tf.Tensor3D} value
   * @param {number} position
   * @returns {tf.Tensor3D}
   */
  attend(layer, query, key, value, position) {
    const [heads, n, width] = query.shape;
    const C = this.contextLength;
    const place = new Float32Array(C * n); // one-hot columns; those past the end stay zero
    const free = new Float32Array(C).fill(1);
    for (let i = 0; i < n && position + i < C; i++) {
      place[(position + i) * n + i] = 1;
      free[position + i] = 0;
    }
    const scatter = tf.tensor3d(place, [1, C, n]);
    const keep = tf.tensor3d(free, [1, C, 1]);
    const old = this.layers[layer];
    const updated = [key, value].map((fresh, i) => {
      const placed = tf.matMul(tf.tile(scatter, [heads, 1, 1]), fresh); // [H, C, K]
      return replace(old?.[i] ?? null, old ? tf.add(tf.mul(old[i], keep), placed) : tf.clone(placed));
    });
    const [keys, values] = /** @type {[tf.Tensor3D, tf.Tensor3D]} */ (updated);
    this.layers[layer] = [keys, values];
    const mask = causalMask(position, n, C) ?? tf.zeros([n, C]);
    const weights = tf.softmax(tf.add(tf.matMul(query, keys, false, true), mask));
    return tf.reshape(tf.matMul(/** @type {tf.Tensor3D} */ (weights), values), [heads, n, width]);
  }

  clear() {
    this.layers = this.layers.map(dropPair);
  }
}
