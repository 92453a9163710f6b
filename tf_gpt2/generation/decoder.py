"""The forward pass of GPT-2 in TensorFlow operations, from weights by Hugging Face name.

Two passes over the same weights: `encode` for many tokens at once, `decode_step` for one more token with the keys
and values of the earlier ones in a cache; a served model has a step of its own (export/serving/forward.py). All are
made of `transformer_block`. The Keras model is their oracle (tests/generation/test_decoder.py). Keras
itself is not imported: that would cost a command its first second.

Shapes: B rows, T tokens, D hidden_dim, H num_heads, K head_dim, C cache length, V vocabulary_size.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.formats.weights import HEAD, TABLE
from tf_gpt2.generation.weights import product

# Keys and values are read in blocks of so many positions, as many blocks as the longest row needs. Smaller blocks
# read less beside the point, larger ones cost fewer rounds.
BLOCK = 128
# Past this share of the cache all of it is read in one go; a cache of no more than so many places, never.
WHOLE_FROM = 3 / 8
SHORT_CACHE = 256
MASKED = -1e9


def cache_length(config: GPT2Config) -> int:
    """C: the context length, rounded up to whole blocks."""
    block = block_length(config)
    return -(-config.context_length // block) * block


def block_length(config: GPT2Config) -> int:
    """Positions a block of the cache holds."""
    return min(BLOCK, config.context_length)


def norm(x: tf.Tensor, weights: Mapping[str, Any], name: str, epsilon: float) -> tf.Tensor:
    """Layer normalisation over the last axis (Ba et al. 2016)."""
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    scale = tf.math.rsqrt(tf.reduce_mean(centred * centred, -1, keepdims=True) + epsilon)
    return centred * scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x: tf.Tensor, weights: Mapping[str, Any], name: str) -> tf.Tensor:
    """[N, in] -> [N, out]; two-dimensional so that TensorFlow fuses product and bias into one kernel."""
    return tf.nn.bias_add(product(x, weights[f"{name}.weight"]), weights[f"{name}.bias"])


def _token_vectors(weights, ids):
    return tf.cast(tf.gather(weights[TABLE], ids), tf.float32)


def gelu(x: tf.Tensor) -> tf.Tensor:
    """Tanh GELU (Hendrycks and Gimpel 2016). 1 + tanh(u) is 2 sigmoid(2u), which takes fewer passes over x."""
    scale = 2 * math.sqrt(2 / math.pi)
    return x * tf.sigmoid(x * (scale + 0.044715 * scale * tf.square(x)))


def transformer_block(
    x: tf.Tensor, weights: Mapping[str, Any], name: str, config: GPT2Config, rows: tuple, attend: Callable
) -> tf.Tensor:
    """One pre-LayerNorm block of GPT-2, the only one in TensorFlow operations: passes differ in how they attend.

    Args:
        x: The residual stream [N, D].
        weights: Tensors by Hugging Face name.
        name: The block's, h.3 say.
        config: The model's shape.
        rows: What N is made of: (B,) for one token a row, (B, T) for many.
        attend: (query, key, value) to contexts, all [B, H, K] or [B, H, T, K], the query not scaled yet. It may
            keep caches, and hand out what a view wants to see.

    Returns:
        The new residual stream [N, D].
    """
    epsilon, many = config.layer_norm_epsilon, len(rows) == 2
    qkv = linear(norm(x, weights, f"{name}.ln_1", epsilon), weights, f"{name}.attn.c_attn")  # [N, 3 D]
    qkv = tf.reshape(qkv, (*rows, 3, config.num_heads, config.head_dim))
    context = attend(*(tf.unstack(tf.transpose(qkv, (2, 0, 3, 1, 4))) if many else tf.unstack(qkv, axis=1)))
    context = tf.transpose(context, (0, 2, 1, 3)) if many else context
    context = tf.reshape(context, (-1 if many else rows[0], config.hidden_dim))
    x = x + linear(context, weights, f"{name}.attn.c_proj")
    hidden = linear(norm(x, weights, f"{name}.ln_2", epsilon), weights, f"{name}.mlp.c_fc")  # [N, F]
    return x + linear(gelu(hidden), weights, f"{name}.mlp.c_proj")


def logits(weights: Mapping[str, Any], config: GPT2Config, hidden: tf.Tensor) -> tf.Tensor:
    """Logits [N, V] of final hidden states [N, D]."""
    hidden = norm(hidden, weights, "ln_f", config.layer_norm_epsilon)
    return product(hidden, weights.get(HEAD, weights[TABLE]), transposed=True)


def encode(weights: Mapping[str, Any], config: GPT2Config, ids: tf.Tensor) -> tuple[tf.Tensor, list, list]:
    """All tokens in one parallel pass.

    Args:
        weights: Tensors by Hugging Face name.
        config: The model's shape.
        ids: [B, T] int32, T at most the context length.

    Returns:
        Hidden states before the final normalisation [B, T, D]; keys and values, a list over layers of
        [B, H, T, K] each.
    """
    batch, length = tf.unstack(tf.shape(ids))
    width = config.hidden_dim
    x = _token_vectors(weights, ids) + weights["wpe.weight"][:length]
    x = tf.reshape(x, (-1, width))  # [B * T, D]
    place = tf.range(length)
    mask = tf.where(place[None, :] <= place[:, None], 0.0, MASKED)  # [T, T], query by key
    keys, values = [], []

    def attend(query, key, value):
        keys.append(key)
        values.append(value)
        scores = tf.matmul(query * config.head_dim**-0.5, key, transpose_b=True) + mask  # [B, H, T, T]
        return tf.matmul(tf.nn.softmax(scores), value)  # [B, H, T, K]

    for index in range(config.num_layers):
        x = transformer_block(x, weights, f"h.{index}", config, (batch, length), attend)
    return tf.reshape(x, (batch, length, width)), keys, values


def decode_step(
    weights: Mapping[str, Any],
    config: GPT2Config,
    ids: tf.Tensor,
    positions: tf.Tensor,
    keys: list,
    values: list,
    jit_compile: bool,
) -> tuple[tf.Tensor, list, list]:
    """One more token a row, with cached keys and values.

    Args:
        weights: Tensors by Hugging Face name.
        config: The model's shape.
        ids: [B] int32 tokens to encode; B is static.
        positions: [B] int32 their positions, which are also their places in the cache.
        keys: List over layers of [B, H, C, K] with the positions before filled.
        values: The same for values.
        jit_compile: Whether XLA compiles this; it alone has the operation that updates a slice in place.

    Returns:
        Hidden states before the final normalisation [B, D], and the new keys and values.
    """
    store = _store_with_xla if jit_compile else _store
    x = _token_vectors(weights, ids) + tf.gather(weights["wpe.weight"], positions)  # [B, D]
    new_keys: list = []
    new_values: list = []

    def attend(query, key, value):
        layer = len(new_keys)
        new_keys.append(store(keys[layer], key, positions))
        new_values.append(store(values[layer], value, positions))
        scaled = query * config.head_dim**-0.5
        return attend_to_cache(scaled, new_keys[-1], new_values[-1], positions, block_length(config))

    for index in range(config.num_layers):
        x = transformer_block(x, weights, f"h.{index}", config, (ids.shape[0],), attend)
    return x, new_keys, new_values


def attend_to_cache(
    query: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, positions: tf.Tensor, block: int
) -> tf.Tensor:
    """Attention of one query a row over positions 0 to `positions`.

    Reading every place of the cache is faster per place, reading in blocks leaves the empty ones out: which is used
    follows the longest row.

    Args:
        query: [B, H, K], scaled.
        keys: [B, H, C, K]; values the same.
        positions: [B] int32.
        block: Positions that are read at once; divides C.

    Returns:
        [B, H, K].
    """
    last = tf.reduce_max(positions)
    rounds = last // block + 1
    if keys.shape[2] <= SHORT_CACHE:
        return _attend_by_blocks(query, keys, values, positions, block, rounds)
    few = last < int(keys.shape[2] * WHOLE_FROM)
    # Side by side, one of them idle: a loop inside a branch was slower, so was a branch that waits for the loop.
    by_blocks = _attend_by_blocks(query, keys, values, positions, block, tf.where(few, rounds, 0))
    of_all = tf.cond(few, lambda: tf.zeros_like(query), lambda: _attend_to_all(query, keys, values, positions))
    return tf.where(few, by_blocks, of_all)


def _attend_to_all(query, keys, values, positions):
    scores = tf.einsum("bhk,bhck->bhc", query, keys)
    seen = tf.range(keys.shape[2])[None, :] <= positions[:, None]  # [B, C]
    return tf.einsum("bhc,bhck->bhk", tf.nn.softmax(tf.where(seen[:, None, :], scores, MASKED)), values)


def _attend_by_blocks(query, keys, values, positions, block, rounds):
    """With a running softmax: Milakov and Gimelshein 2018 (online normaliser), as in FlashAttention.

    `rounds` blocks are read, so a half-empty cache costs half; NaN when there are none.
    """
    batch, heads, width = query.shape

    def body(index, largest, total, summed):
        start = index * block
        key = tf.slice(keys, (0, 0, start, 0), (batch, heads, block, width))
        value = tf.slice(values, (0, 0, start, 0), (batch, heads, block, width))
        scores = tf.einsum("bhk,bhck->bhc", query, key)
        seen = (start + tf.range(block))[None, :] <= positions[:, None]  # [B, block]
        scores = tf.where(seen[:, None, :], scores, MASKED)
        new_largest = tf.maximum(largest, tf.reduce_max(scores, -1, keepdims=True))
        shrink = tf.exp(largest - new_largest)
        weight = tf.exp(scores - new_largest)
        total = total * shrink + tf.reduce_sum(weight, -1, keepdims=True)
        return index + 1, new_largest, total, summed * shrink + tf.einsum("bhc,bhck->bhk", weight, value)

    start = (
        tf.constant(0),
        tf.fill((batch, heads, 1), MASKED),
        tf.zeros((batch, heads, 1)),
        tf.zeros((batch, heads, width)),
    )
    _, _, total, summed = tf.while_loop(lambda index, *_: index < rounds, body, start)
    return summed / total


def _store_with_xla(cache, new, positions):
    """Writes new [B, H, K] into cache [B, H, C, K]; row by row, since one update has one place."""
    from tensorflow.compiler.tf2xla.python import xla

    zero = tf.constant(0)
    for row in range(cache.shape[0]):
        update = new[row][None, :, None, :]  # [1, H, 1, K]
        cache = xla.dynamic_update_slice(cache, update, tf.stack([row, zero, positions[row], zero]))
    return cache


def _store(cache, new, positions):
    batch, heads = cache.shape[:2]
    row, head = tf.meshgrid(tf.range(batch), tf.range(heads), indexing="ij")  # [B, H]
    place = tf.repeat(positions[:, None], heads, axis=1)
    return tf.tensor_scatter_nd_update(cache, tf.stack([row, head, place], axis=-1), new)
