"""The loss without the logits of a whole batch: chunk by chunk, its gradient computed on the way.

A chunk's logits give its loss and at once the gradients that follow from it; then they are dropped. No product is
computed twice, and instead of logits, weights and gradients of [B, T, V] only a chunk's are there at a time.

Shapes: N tokens of a batch, C tokens of a chunk, D hidden_dim, V vocabulary_size.
"""

from typing import Any

import tensorflow as tf

from tf_gpt2.data.windows import IGNORED


def summed_head_loss(hidden: Any, kernel: Any, targets: Any, chunk: int) -> tf.Tensor:
    """Sum of the cross-entropies of targets under logits hidden kernel^T, in nats; differentiable.

    Args:
        hidden: What the head is applied to [N, D].
        kernel: The head [V, D], of the same dtype.
        targets: Token ids [N], int32; `IGNORED` counts for nothing.
        chunk: C.

    Returns:
        A float32 scalar.
    """

    @tf.custom_gradient
    def loss_of(hidden, kernel):
        total, of_hidden, of_kernel = _loss_and_gradients(hidden, kernel, targets, chunk)

        def gradient(incoming):
            return tf.cast(of_hidden * incoming, hidden.dtype), tf.cast(of_kernel * incoming, kernel.dtype)

        return total, gradient

    return loss_of(hidden, kernel)


def summed_head_loss_alone(hidden: Any, kernel: Any, targets: Any, chunk: int) -> tf.Tensor:
    """`summed_head_loss` where no gradient is wanted."""
    hidden, targets = _chunks(hidden, targets, chunk)
    parts = hidden.shape[0]

    def add(number, total):
        losses, *_ = _losses(hidden[number], kernel, targets[number])
        return number + 1, total + tf.reduce_sum(losses)

    return tf.while_loop(lambda number, _: number < parts, add, (0, tf.zeros(())))[1]


def _loss_and_gradients(hidden, kernel, targets, chunk):
    """The summed loss, and its gradients float32 [N, D] and [V, D]."""
    tokens = hidden.shape[0]
    hidden, targets = _chunks(hidden, targets, chunk)
    parts, vocabulary = hidden.shape[0], kernel.shape[0]

    def add(number, total, of_hidden, of_kernel):
        rows, wanted = hidden[number], targets[number]  # [C, D], [C]
        losses, logits, log_sums, counted = _losses(rows, kernel, wanted)
        hit = tf.equal(tf.range(vocabulary)[None, :], wanted[:, None])
        of_logits = tf.exp(logits - log_sums) - tf.cast(hit, tf.float32)  # [C, V]
        of_logits = tf.cast(tf.where(counted[:, None], of_logits, 0.0), rows.dtype)
        of_rows = tf.cast(tf.matmul(of_logits, kernel), tf.float32)
        of_hidden = tf.tensor_scatter_nd_update(of_hidden, [[number]], of_rows[None])
        of_kernel += tf.cast(tf.matmul(of_logits, rows, transpose_a=True), tf.float32)
        return number + 1, total + tf.reduce_sum(losses), of_hidden, of_kernel

    start = (0, tf.zeros(()), tf.zeros(hidden.shape), tf.zeros(kernel.shape))
    _, total, of_hidden, of_kernel = tf.while_loop(lambda number, *_: number < parts, add, start)
    return total, tf.reshape(of_hidden, (-1, hidden.shape[-1]))[:tokens], of_kernel


def _losses(rows, kernel, targets):
    """Cross-entropies [C], logits [C, V], logarithms of their softmax's sums [C, 1], float32, and what counts."""
    logits = tf.cast(tf.matmul(rows, kernel, transpose_b=True), tf.float32)
    log_sums = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    counted = tf.not_equal(targets, IGNORED)
    wanted = tf.gather(logits, tf.where(counted, targets, 0), batch_dims=1)
    return tf.where(counted, log_sums[:, 0] - wanted, 0.0), logits, log_sums, counted


def _chunks(hidden, targets, chunk):
    """hidden [N, D] and targets [N] as [N / C, C, ...]; the last chunk is filled up with what does not count."""
    missing = -hidden.shape[0] % chunk
    hidden = tf.pad(hidden, ((0, missing), (0, 0)))
    targets = tf.pad(targets, ((0, missing),), constant_values=IGNORED)
    return tf.reshape(hidden, (-1, chunk, hidden.shape[-1])), tf.reshape(targets, (-1, chunk))
