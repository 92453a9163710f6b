"""Scoring inside the graph: log-probabilities of given tokens, by `tf_gpt2.generation.scoring.plan_windows`.

Shapes: B texts, N tokens of the longest one, W windows of all texts, T tokens of a window, C context_length.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.generation import decoder

from .forward import by_groups


def log_probabilities(
    weights: Mapping[str, Any], config: GPT2Config, end_of_text_id: int, ids: tf.Tensor, lengths: tf.Tensor
) -> Any:
    """Natural logarithm of each token's probability given those before it in its window.

    Args:
        weights: Variables by Hugging Face name.
        config: The model's shape.
        end_of_text_id: What the first token of a text is predicted from.
        ids: [B, N] int32, anything from a row's length on.
        lengths: [B] int32.

    Returns:
        [B, N] float32, 0 from a row's length on.
    """
    sequence = tf.pad(ids, [[0, 0], [1, 1]], constant_values=end_of_text_id)
    context = tf.minimum(config.context_length, tf.maximum(1, tf.shape(ids)[1]))  # T
    rows, starts, firsts = _windows(lengths, config.context_length)
    place = starts[:, None] + tf.range(context)[None, :]  # [W, T]
    row = tf.repeat(rows[:, None], context, axis=1)
    inside = tf.minimum(place, tf.maximum(0, tf.shape(ids)[1] - 1))
    given = tf.gather_nd(sequence, tf.stack([row, inside], axis=-1))
    targets = tf.gather_nd(sequence, tf.stack([row, inside + 1], axis=-1))

    def score(group):
        given, targets = group
        hidden, _, _ = decoder.encode(weights, config, given)
        logits = decoder.logits(weights, config, tf.reshape(hidden, (-1, config.hidden_dim)))  # [G * T, V]
        chosen = tf.gather(logits, tf.reshape(targets, (-1,)), batch_dims=1)
        return [tf.reshape(chosen - tf.reduce_logsumexp(logits, axis=1), tf.shape(given))]

    (scores,) = by_groups(score, [given, targets], context, [(None,)])
    wanted = (tf.range(context)[None, :] >= firsts[:, None]) & (place < tf.gather(lengths, rows)[:, None])
    where = tf.boolean_mask(tf.stack([row, place], axis=-1), wanted)
    return tf.scatter_nd(where, tf.boolean_mask(scores, wanted), tf.shape(ids))


def _windows(lengths, context):
    """Row, start and first new place of every window, int32 [W] each."""
    stride = max(1, context // 2)
    beyond = tf.maximum(0, lengths - context)  # [B]
    counts = 1 + -(-beyond // stride)
    rows = tf.repeat(tf.range(tf.size(lengths)), counts)  # [W]
    number = tf.range(tf.size(rows)) - tf.gather(tf.cumsum(counts, exclusive=True), rows)
    last = tf.gather(beyond, rows)  # the last window is moved left to be full
    starts = tf.minimum(number * stride, last)
    before = tf.minimum((number - 1) * stride, last) + context  # end of the window before
    return rows, starts, tf.where(number == 0, 0, before - starts)
