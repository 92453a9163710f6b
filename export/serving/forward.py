"""The forward pass of a served model: any number of rows, in plain operations, from weights that are variables.

`decoder.encode` reads prompts here as everywhere. The step attends otherwise than `decoder.decode_step`: the
number of rows is known only when a request comes, and the cache is as long as the texts need, so that attention
reads all of it.

Shapes: B rows, T tokens, D hidden_dim, H num_heads, K head_dim, C cache length, V vocabulary_size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.generation import decoder

# Of a batch of prompts so many tokens are read at once: attention's scores take rows times tokens squared.
TOKENS_AT_ONCE = 1024


def by_groups(function: Callable, rows: list, length: tf.Tensor, outputs: Sequence[tuple[int | None, ...]]) -> Any:
    """Calls `function` on so many rows at once that their tokens are few, and joins what it returns.

    Args:
        function: Takes a list of tensors with G rows, gives a list of tensors with G rows.
        rows: Tensors with B rows each.
        length: T, tokens in a row; int32 scalar.
        outputs: Static shapes of the results but for the rows, None for T.
    """
    total = tf.shape(rows[0])[0]
    size = tf.maximum(1, TOKENS_AT_ONCE // tf.maximum(1, length))

    def body(start, results):
        group = function([tensor[start : start + size] for tensor in rows])
        return start + size, [tf.concat(pair, axis=0) for pair in zip(results, group, strict=True)]

    empty = [tf.zeros([0, *(length if d is None else d for d in shape)]) for shape in outputs]
    shapes = (tf.TensorShape(()), [tf.TensorShape([None, *shape]) for shape in outputs])
    start = (tf.constant(0), empty)
    return tf.while_loop(lambda start, _: start < total, body, start, shape_invariants=shapes)[1]


def read(weights: Mapping[str, Any], config: GPT2Config, ids: tf.Tensor, lengths: tf.Tensor) -> Any:
    """Reads prompts of unequal lengths.

    Args:
        weights: Variables by Hugging Face name.
        config: The model's shape.
        ids: [B, T] int32, anything after a row's length.
        lengths: [B] int32, at least 1.

    Returns:
        Hidden states of the last tokens [B, D]; keys and values, a list over layers of [B, H, T, K] each. Padding
        is to the right, so that causal attention keeps it out of what is before it.
    """

    def encode(rows):
        hidden, keys, values = decoder.encode(weights, config, rows[0])
        return [tf.gather(hidden, rows[1] - 1, batch_dims=1), *keys, *values]

    cache = (config.num_heads, None, config.head_dim)
    outputs = [(config.hidden_dim,), *[cache] * (2 * config.num_layers)]
    hidden, *cached = by_groups(encode, [ids, lengths], tf.shape(ids)[1], outputs)
    return hidden, cached[: config.num_layers], cached[config.num_layers :]


def step(
    weights: Mapping[str, Any], config: GPT2Config, ids: tf.Tensor, positions: tf.Tensor, keys: list, values: list
) -> Any:
    """One more token a row.

    Args:
        weights: Variables by Hugging Face name.
        config: The model's shape.
        ids: [B] int32 tokens to encode.
        positions: [B] int32 their positions, which are also their places in the cache.
        keys: List over layers of [B, H, C, K] with the positions before filled.
        values: The same for values.

    Returns:
        Hidden states before the final normalisation [B, D], and the new keys and values.
    """
    batch, length = tf.shape(ids)[0], tf.shape(keys[0])[2]
    x = tf.gather(weights["wte.weight"], ids) + tf.gather(weights["wpe.weight"], positions)  # [B, D]
    unseen = tf.where(tf.range(length)[None, :] <= positions[:, None], 0.0, decoder.MASKED)[:, None, None, :]
    row, head = tf.meshgrid(tf.range(batch), tf.range(config.num_heads), indexing="ij")  # [B, H]
    place = tf.stack([row, head, tf.repeat(positions[:, None], config.num_heads, axis=1)], axis=-1)
    new_keys: list = []
    new_values: list = []

    def attend(query, key, value):
        layer = len(new_keys)
        new_keys.append(tf.tensor_scatter_nd_update(keys[layer], place, key))
        new_values.append(tf.tensor_scatter_nd_update(values[layer], place, value))
        query = (query * config.head_dim**-0.5)[:, :, None, :]
        scores = tf.matmul(query, new_keys[-1], transpose_b=True) + unseen  # [B, H, 1, C]
        return tf.matmul(tf.nn.softmax(scores), new_values[-1])  # [B, H, 1, K]

    for index in range(config.num_layers):
        x = decoder.transformer_block(x, weights, f"h.{index}", config, (batch,), attend)
    return x, new_keys, new_values


def logits(weights: Mapping[str, Any], config: GPT2Config, hidden: tf.Tensor) -> tf.Tensor:
    """Logits [B, V] of final hidden states [B, D].

    As `decoder.logits`, but with the embedding as left operand, which takes eight rows two thirds of the time.
    """
    head = weights["wte.weight" if config.tie_embeddings else "lm_head.weight"]
    hidden = decoder.norm(hidden, weights, "ln_f", config.layer_norm_epsilon)
    return tf.transpose(tf.matmul(head, hidden, transpose_b=True))


def grow(cache: list, length: tf.Tensor) -> list:
    """Caches [B, H, C, K] with at least `length` places; what is new is zero."""
    more = tf.maximum(0, length - tf.shape(cache[0])[2])
    return [tf.pad(tensor, [[0, 0], [0, 0], [0, more], [0, 0]]) for tensor in cache]
