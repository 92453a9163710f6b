"""Learning from teachers as well as from the text (Hinton et al. 2015, "Distilling the Knowledge in a Neural
Network").

Of the teachers only their likeliest tokens are known, and what all others have together: the student's loss is the
cross-entropy of these and of that rest as one more token, beside that of the text.

Shapes: B sequences, T tokens, K likeliest tokens, V vocabulary_size.
"""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tf_gpt2.data.windows import IGNORED
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.steps import targets_of, token_losses
from tf_gpt2.training.trunk import SparingLoss

_MOST_KEPT = 1 - 1e-6  # of the student's probability, so that the rest has a logarithm


class TeachersLoss:
    """An objective (`steps.Objective`) for batches whose y [B, T, 1 + 2 K] carries the teachers' answers.

    Args:
        model: The student.
        share: What the teachers count, the text counting the rest; from 0 to 1.
        sparing: How memory is spared; logits are computed at once in any case.
    """

    def __init__(self, model: keras.Model, share: float, sparing: Sparing = PLAIN):
        self._share = share
        self._sparing = None if sparing == PLAIN else SparingLoss(model, dataclasses.replace(sparing, chunk=0))

    def __call__(self, model: keras.Model, x: Any, y: Any, training: bool) -> tf.Tensor:
        """Sum of the losses of y under the logits for x [B, T], in nats."""
        logits = self._sparing.logits(x, training) if self._sparing else model(x, training=training)
        return tf.reduce_sum(distillation_losses(logits, y, self._share))


def distillation_losses(logits: Any, y: Any, share: float) -> tf.Tensor:
    """Losses [B, T] in nats under logits [B, T, V]; 0 where the target is `IGNORED`.

    A target without answers is learned from the text alone.

    Args:
        logits: The student's, float32.
        y: Targets, then ids of the K likeliest tokens, then the bits of their float32 probabilities: int32
            [B, T, 1 + 2 K].
        share: What the teachers count.
    """
    targets, likeliest = targets_of(y), (y.shape[-1] - 1) // 2
    ids = y[..., 1 : 1 + likeliest]
    taught = tf.bitcast(y[..., 1 + likeliest :], tf.float32)  # [B, T, K]
    of_text = token_losses(logits, targets)
    own = tf.gather(logits, ids, batch_dims=2) - tf.reduce_logsumexp(logits, axis=-1, keepdims=True)  # [B, T, K]
    kept = tf.reduce_sum(taught, axis=-1)
    rest = tf.math.log1p(-tf.minimum(tf.reduce_sum(tf.exp(own), axis=-1), _MOST_KEPT))
    of_teachers = -tf.reduce_sum(taught * own, axis=-1) - tf.maximum(1 - kept, 0.0) * rest
    losses = tf.where(kept > 0, (1 - share) * of_text + share * of_teachers, of_text)
    return tf.where(tf.not_equal(targets, IGNORED), losses, 0.0)
