"""Causal attention whose T x T weights are never kept: computed in strips of queries, and again for the gradient.

The gradient needs the weights once more; they are recomputed from queries, keys and the logarithm of each softmax's
sum, as FlashAttention does (Dao et al. 2022, section 3.1, algorithm 4). A strip sees only the keys up to its last
query, so what lies above the diagonal costs nothing, up to half a strip.

Shapes: B batch, H heads, T sequence length, K head_dim, Q queries of a strip, S keys a strip sees.
"""

from typing import Any

from keras import ops

from tf_gpt2.dropout import Draw, drop, kept


def hidden_score(dtype: str) -> float:
    """The score of a key that a query may not see: its weight is 0 in every precision."""
    return -1e9 if dtype != "float16" else -6e4


def attend_in_strips(
    query: Any, key: Any, value: Any, strip: int, draw: Draw | None = None, rate: float = 0.0
) -> Any:
    """What attention gathers: softmax(query key^T, causal), dropped out, times value.

    Equal to the plain form up to rounding, masks of dropout included.

    Args:
        query: Scaled queries [B, H, T, K]; the shape must be known.
        key: Keys [B, H, T, K].
        value: Values [B, H, T, K].
        strip: Q; the last strip may be shorter.
        draw: Key words of the dropout of the weights; None without dropout.
        rate: Share of the weights that is dropped.

    Returns:
        [B, H, T, K].
    """
    strips = _Strips(tuple(query.shape), strip, draw, rate)

    @ops.custom_gradient
    def attend(query, key, value):
        context, log_sums = strips.forward(query, key, value)

        def gradient(*gradients, upstream=None):
            (incoming,) = gradients or (upstream,)
            return strips.backward(query, key, value, context, log_sums, incoming)

        return context, gradient

    return attend(query, key, value)


class _Strips:
    """The strips of one call: forward, and backward from what forward left."""

    def __init__(self, shape, strip, draw, rate):
        self._shape, self._draw, self._rate = shape, draw, rate
        length = shape[2]
        self._bounds = [(first, min(first + strip, length)) for first in range(0, length, strip)]

    def forward(self, query, key, value):
        """The context [B, H, T, K] and the logarithms of the softmaxes' sums [B, H, T, 1], float32."""
        contexts, log_sums = [], []
        for first, last in self._bounds:
            scores = self._scores(query, key, first, last)  # [B, H, Q, S] float32
            greatest = ops.max(scores, axis=-1, keepdims=True)
            weights = ops.exp(scores - greatest)
            sums = ops.sum(weights, axis=-1, keepdims=True)
            attention = self._drop(ops.cast(weights / sums, query.dtype), self._kept(first, last))
            contexts.append(ops.matmul(attention, value[:, :, :last]))
            log_sums.append(greatest + ops.log(sums))
        return ops.concatenate(contexts, axis=2), ops.concatenate(log_sums, axis=2)

    def backward(self, query, key, value, context, log_sums, incoming):
        """Gradients of query, key and value, each [B, H, T, K]."""
        query = after(query, incoming)
        # Sum over the keys of weight times its gradient, without the weights (algorithm 4, line 19).
        shares = ops.sum(ops.cast(context, "float32") * ops.cast(incoming, "float32"), axis=-1, keepdims=True)
        of_query, of_key, of_value = [], [], []
        for first, last in self._bounds:
            given, rows = incoming[:, :, first:last], query[:, :, first:last]
            kept = self._kept(first, last)
            weights = ops.exp(self._scores(query, key, first, last) - log_sums[:, :, first:last])
            attention = self._drop(ops.cast(weights, query.dtype), kept)
            of_value.append(ops.einsum("bhqs,bhqk->bhsk", attention, given))
            of_attention = self._drop(ops.einsum("bhqk,bhsk->bhqs", given, value[:, :, :last]), kept)
            of_scores = weights * (ops.cast(of_attention, "float32") - shares[:, :, first:last])
            of_scores = ops.cast(of_scores, query.dtype)
            of_query.append(ops.matmul(of_scores, key[:, :, :last]))
            of_key.append(ops.einsum("bhqs,bhqk->bhsk", of_scores, rows))
        return ops.concatenate(of_query, axis=2), self._gathered(of_key), self._gathered(of_value)

    def _scores(self, query, key, first, last):
        scores = ops.einsum("bhqk,bhsk->bhqs", query[:, :, first:last], key[:, :, :last])
        visible = ops.arange(last)[None, :] <= ops.arange(first, last)[:, None]
        scores = ops.where(visible, scores, ops.cast(hidden_score(scores.dtype), scores.dtype))
        return ops.cast(scores, "float32")

    def _kept(self, first, last):
        """Which weights of a strip stay, by their numbers in [B, H, T, T]; None without dropout."""
        if self._draw is None:
            return None
        batch, heads, length, _ = self._shape
        row = ops.reshape(ops.arange(batch * heads), (batch, heads, 1, 1)) * length
        row = ops.cast(row + ops.arange(first, last)[:, None], "uint32")
        column = ops.cast(ops.arange(last), "uint32")
        number = row * ops.convert_to_tensor(length, "uint32") + column
        return kept(number, self._draw, self._rate, heads * length * length)

    def _drop(self, weights, kept):
        return weights if kept is None else drop(weights, kept, self._rate)

    def _gathered(self, parts):
        """Sums what the strips give for keys they share: parts [B, H, S, K] to [B, H, T, K]."""
        sums = []
        for number, (first, last) in enumerate(self._bounds):
            sums.append(sum(ops.cast(part[:, :, first:last], "float32") for part in parts[number:]))
        return ops.cast(ops.concatenate(sums, axis=2), parts[0].dtype)


def after(tensor: Any, other: Any) -> Any:
    """`tensor`, not known to the compiler before `other` is.

    What is computed from it again for a gradient is therefore not taken from the first time, which would be kept
    until then. Zero times a number is no zero to a compiler, as the number may be NaN, which then shows.
    """
    first = ops.reshape(other, (-1,))[0]
    return tensor + ops.cast(first * 0, tensor.dtype)
