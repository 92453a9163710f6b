"""The writing loop: a pure function of tensors, which the engine compiles and an export can take over.

Shapes: B rows written together, C places of the cache, V vocabulary_size.
"""

import typing
from typing import Any

import tensorflow as tf

from tf_gpt2.generation.random_numbers import uniform
from tf_gpt2.generation.sampling import Controls, History, pick, remember

CHUNK = 64  # new tokens of one call at most


class WritingState(typing.NamedTuple):
    """What the loop carries besides keys and values."""

    history: History
    done: tf.Tensor  # [B] bool


def write_loop(
    forward: Any,
    keys: Any,
    values: Any,
    state: WritingState,
    controls: Controls,
    places: Any,
    steps: Any,
    max_candidates: int,
    limit: int,
    forbidden: Any = None,
) -> Any:
    """Up to `steps` tokens for every row that is not done: a pure function of tensors.

    The last token of the window is not in the cache yet: each round encodes it and draws the next one.

    Args:
        forward: (ids [B], positions [B], keys, values) to (logits [B, V], keys, values).
        keys: List over layers of [B, H, C, K]; values the same.
        state: History and rows that are done. A row that is not done has room for `steps` tokens in its window.
        controls: What steers the draw.
        places: (stream [B], sample [B]), uint32: which random numbers a row draws.
        steps: int32 scalar, at most CHUNK.
        max_candidates: How many candidates the draw sorts; static.
        limit: Position past the last one of the model; static.
        forbidden: What the first draw must not give, bool [B, V]; None for nothing, static.

    Returns:
        Ids [B, CHUNK], -1 where nothing was written; log-probabilities [B, CHUNK]; keys, values and state.
    """
    count = tf.range(CHUNK)
    position = tf.cast(state.history.written[:, None] + count[None, :], tf.uint32)
    draws = uniform(controls.seed, places[0][:, None], places[1][:, None], position)  # [B, CHUNK]

    def body(index, ids, scores, keys, values, state):
        history, active = state.history, ~state.done
        position = tf.minimum(history.length - 1, limit - 1)
        token = tf.gather(history.window, position, batch_dims=1)
        logits, keys, values = forward(token, position, keys, values)
        now = None if forbidden is None else forbidden & (index == 0)
        token, score = pick(logits, draws[:, index], history, controls, max_candidates, now)
        here = (count == index)[None, :]
        ids = tf.where(here, tf.where(active, token, -1)[:, None], ids)
        scores = tf.where(here, score[:, None], scores)
        done = state.done | (token == controls.end_of_text)
        return index + 1, ids, scores, keys, values, WritingState(remember(history, token, active), done)

    def going(index, ids, scores, keys, values, state):
        return (index < steps) & ~tf.reduce_all(state.done)

    start = (tf.constant(0), tf.fill(tf.shape(draws), -1), tf.zeros_like(draws), keys, values, state)
    return tf.while_loop(going, body, start)[1:]
