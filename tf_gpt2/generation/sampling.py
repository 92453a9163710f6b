"""From logits to the next token, inside the graph: the controls in Hugging Face's order, then one draw.

Shapes: B rows, V vocabulary_size, N length of the token window, M candidates kept at most.
"""

import typing

import tensorflow as tf

# Far below any logit but finite: a row with every token forbidden still draws one instead of NaN.
FORBIDDEN = -1e30


class Controls(typing.NamedTuple):
    """Tensors that steer the draw; changing a value never retraces.

    Scalars; seed, penalty, temperature, top-k and top-p may also be columns [B, 1] of a value a row.
    """

    seed: tf.Tensor  # uint32
    end_of_text: tf.Tensor  # int32 id that ends a row, -1 for none
    repetition_penalty: tf.Tensor  # float32
    repetition_window: tf.Tensor  # int32, tokens
    no_repeat_ngram: tf.Tensor  # int32, 0 for none
    min_new_tokens: tf.Tensor  # int32
    temperature: tf.Tensor  # float32, above 0
    top_k: tf.Tensor  # int32, at least 1
    top_p: tf.Tensor  # float32


class History(typing.NamedTuple):
    """What has been written, as the controls need it."""

    window: tf.Tensor  # [B, N] int32 ids the model sees, `length` of them
    length: tf.Tensor  # [B] int32
    last_seen: tf.Tensor  # [B, V] int32 last index of each id in the window, -1 when absent
    written: tf.Tensor  # [B] int32 new tokens so far


def remember(history: History, token: tf.Tensor, advance: tf.Tensor) -> History:
    """The history after `token` [B] in the rows where `advance` [B] is true."""
    row = advance[:, None]
    at_end = tf.range(tf.shape(history.window)[1])[None, :] == history.length[:, None]  # [B, N]
    is_token = tf.range(tf.shape(history.last_seen)[1])[None, :] == token[:, None]  # [B, V]
    step = tf.cast(advance, tf.int32)
    return History(
        window=tf.where(at_end & row, token[:, None], history.window),
        length=history.length + step,
        last_seen=tf.where(is_token & row, history.length[:, None], history.last_seen),
        written=history.written + step,
    )


def penalise_repetition(logits: tf.Tensor, history: History, penalty: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Keskar et al. 2019, section 4.1, on the tokens among the last `window` ones; logits are [B, V]."""
    seen = history.last_seen >= tf.maximum(history.length - window, 0)[:, None]
    penalised = tf.where(logits > 0, logits / penalty, logits * penalty)
    return tf.where(seen, penalised, logits)


def forbid_repeated_ngrams(logits: tf.Tensor, history: History, size: tf.Tensor) -> tf.Tensor:
    """Forbids what would complete an n-gram of `size` tokens that the window already holds.

    A place j of the window is forbidden's source when the size - 1 tokens before j equal the last size - 1 tokens.
    """
    batch, length = tf.unstack(tf.shape(history.window))
    place = tf.range(length)[None, :]  # [1, N]
    matches = (place >= size - 1) & (place < history.length[:, None])  # [B, N]

    def compare(offset, matches):
        # Token `offset` places before j, against the one `offset` places before the next token.
        before = tf.roll(history.window, offset, axis=1)
        last = tf.maximum(history.length - offset, 0)
        wanted = tf.gather(history.window, last, batch_dims=1)  # [B]
        return offset + 1, matches & (before == wanted[:, None]) & (history.length >= size)[:, None]

    matches = tf.while_loop(lambda offset, _: offset < size, compare, (tf.constant(1), matches))[1]
    rows = tf.repeat(tf.range(batch)[:, None], length, axis=1)  # [B, N]
    ids = tf.stack([rows, history.window], axis=-1)  # [B, N, 2]
    banned = tf.where(matches, FORBIDDEN, tf.float32.max)
    return tf.tensor_scatter_nd_min(logits, ids, banned)


def adjust(logits: tf.Tensor, history: History, controls: Controls) -> tf.Tensor:
    """Logits [B, V] after repetition penalty, no-repeat n-gram and minimum length."""
    logits = penalise_repetition(logits, history, controls.repetition_penalty, controls.repetition_window)
    logits = tf.cond(
        controls.no_repeat_ngram > 0,
        lambda: forbid_repeated_ngrams(logits, history, controls.no_repeat_ngram),
        lambda: logits,
    )
    too_short = (history.written < controls.min_new_tokens)[:, None]
    is_end = (tf.range(tf.shape(logits)[1]) == controls.end_of_text)[None, :]
    return tf.where(too_short & is_end, FORBIDDEN, logits)


def draw(logits: tf.Tensor, uniform: tf.Tensor, controls: Controls, max_candidates: int) -> tf.Tensor:
    """Draws one token a row by inverting the cumulative distribution of the candidates.

    Candidates are sorted by falling logit, ties by rising id. Candidate i is drawn when u * total lies in
    [sum of weights before i, the same with i), weights being exp(logit - largest logit) in float32.

    Args:
        logits: [B, V] float32.
        uniform: [B] float32 in [0, 1).
        controls: Temperature, top-k and top-p are applied here.
        max_candidates: M, static; `top_k` must not be larger.

    Returns:
        Token ids [B] int32.
    """
    values, ids = tf.math.top_k(logits, max_candidates)  # [B, M] each; equal values keep the lower id first
    values = values / controls.temperature
    weights = tf.exp(values - values[:, :1])
    weights = tf.where(tf.range(max_candidates)[None, :] < controls.top_k, weights, 0.0)
    before = tf.cumsum(weights, axis=1, exclusive=True)
    total = before[:, -1:] + weights[:, -1:]
    # The candidate that reaches p is the last one kept, so the likeliest always is.
    weights = tf.where((before < controls.top_p * total) | (controls.top_p >= 1.0), weights, 0.0)
    upto = tf.cumsum(weights, axis=1)  # [B, M]
    passed = upto <= uniform[:, None] * upto[:, -1:]
    last = tf.maximum(tf.reduce_sum(tf.cast(weights > 0, tf.int32), axis=1) - 1, 0)  # 0 when all is NaN
    choice = tf.minimum(tf.reduce_sum(tf.cast(passed, tf.int32), axis=1), last)
    return tf.gather(ids, choice, batch_dims=1)


def pick(
    logits: tf.Tensor,
    uniform: tf.Tensor,
    history: History,
    controls: Controls,
    max_candidates: int,
    forbidden: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The next token [B] int32 and its log-probability [B] under the model itself, before any control.

    What is true in `forbidden`, bool [B, V], is not drawn unless nothing else is left.
    """
    adjusted = adjust(logits, history, controls)
    if forbidden is not None:
        adjusted = tf.where(forbidden, FORBIDDEN, adjusted)
    token = draw(adjusted, uniform, controls, max_candidates)
    chosen = tf.gather(logits, token, batch_dims=1)
    return token, chosen - tf.reduce_logsumexp(logits, axis=1)
