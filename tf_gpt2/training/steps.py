"""The compiled steps: forward, backward and update, and evaluation.

Shapes: B sequences a step, T tokens, A accumulation steps, V vocabulary.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tf_gpt2.data.windows import IGNORED
from tf_gpt2.dropout import PartOfBatch

# From a model, x int32 [B, T], y int32 [B, T] or, with what else is known of each target, [B, T, 1 + M], and
# whether it trains to a scalar: the sum over all targets that count of what is minimised, differentiable in the
# model's variables.
Objective = Callable[[keras.Model, Any, Any, bool], tf.Tensor]


def token_losses(logits: Any, targets: Any) -> tf.Tensor:
    """Cross-entropy in nats of every target [B, T] under logits [B, T, V]; 0 where the target is `IGNORED`."""
    counted = tf.not_equal(targets, IGNORED)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(counted, targets, 0), logits)
    return tf.where(counted, losses, 0.0)


def next_token_loss(model: keras.Model, x: Any, y: Any, training: bool) -> tf.Tensor:
    """The objective of GPT-2: cross-entropies of y under the logits for x, [B, T] each, in nats, summed."""
    return tf.reduce_sum(token_losses(model(x, training=training), y))


def targets_of(y: Any) -> Any:
    """The targets [B, T] in y: itself, or the first of what goes along with each in y [B, T, 1 + M]."""
    return y if len(y.shape) == 2 else y[..., 0]


def counted_targets(y: Any) -> tf.Tensor:
    """How many of the targets in y count, at least 1: a mean over none is 0."""
    return tf.maximum(tf.reduce_sum(tf.cast(tf.not_equal(targets_of(y), IGNORED), tf.float32)), 1.0)


def gradient_norm(gradients: list, optimizer: keras.optimizers.Optimizer) -> Any:
    """Global norm as Keras computes it to clip gradients, so XLA computes it once; without the scale of float16."""
    squares = [ops.sum(ops.square(gradient)) for gradient in gradients]
    norm = ops.sqrt(ops.sum(ops.stack(squares)))
    return norm / optimizer.scale_loss(tf.constant(1.0))


class TrainStep:
    """One optimizer step as XLA programs: a single one, or one a part and one for the update.

    Args:
        model: Functional model from ids [B, T] to logits [B, T, V].
        optimizer: Built for `variables`.
        variables: What is trained.
        accumulation_steps: A; a batch [B, T] is computed as A parts of B / A sequences.
        objective: The loss whose mean over the batch is minimised.

    Attributes:
        gradient_norm: Global norm of the last step's gradient before it was clipped, a tensor; None before.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        variables: list,
        accumulation_steps: int = 1,
        objective: Objective = next_token_loss,
    ):
        self._model = model
        self._objective = objective
        self._optimizer = optimizer
        self._variables = variables
        self._parts = accumulation_steps
        self._drawn: PartOfBatch | None = None  # the dropout layers that the parts draw from
        self.gradient_norm: tf.Tensor | None = None
        self._sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in variables] if self._parts > 1 else []

    def __call__(self, x, y):
        """Updates the model on x, y as an `Objective` takes them; returns the mean loss before, nats per token."""
        if self._parts == 1:
            loss, self.gradient_norm = self._whole(x, y)
            return loss
        rows, counted = x.shape[0] // self._parts, counted_targets(y)
        losses = [
            self._accumulate(
                x[first : first + rows], y[first : first + rows], tf.constant(first, tf.uint32), counted
            )
            for first in range(0, x.shape[0], rows)
        ]
        self.gradient_norm = self._update()
        return tf.add_n(losses)

    def _loss_and_gradients(self, x, y, counted):
        with tf.GradientTape() as tape:
            loss = self._objective(self._model, x, y, True) / counted
            scaled = self._optimizer.scale_loss(loss)  # the loss itself but in float16
        return loss, tape.gradient(scaled, [v.value for v in self._variables])

    @tf.function(jit_compile=True)
    def _whole(self, x, y):
        loss, gradients = self._loss_and_gradients(x, y, counted_targets(y))
        norm = gradient_norm(gradients, self._optimizer)
        self._optimizer.apply(gradients, self._variables)
        return loss, norm

    @tf.function(jit_compile=True)
    def _accumulate(self, x, y, first_row, counted):
        """Adds the gradients of a part of a batch with `counted` targets; returns its share of the loss."""
        with PartOfBatch(first_row) as self._drawn:
            loss, gradients = self._loss_and_gradients(x, y, counted)
        for total, gradient in zip(self._sums, gradients, strict=True):
            total.assign_add(tf.convert_to_tensor(gradient))
        return loss

    @tf.function(jit_compile=True)
    def _update(self):
        gradients = [tf.convert_to_tensor(total) for total in self._sums]
        norm = gradient_norm(gradients, self._optimizer)
        self._optimizer.apply(gradients, self._variables)
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        self._drawn.count()
        return norm


class EvalStep:
    """Sum of the losses over a batch, without dropout, as one XLA program."""

    def __init__(self, model: keras.Model, objective: Objective = next_token_loss):
        self._model, self._objective = model, objective

    @tf.function(jit_compile=True)
    def __call__(self, x, y):
        """Returns (summed loss in nats, number of counted targets) of x, y int32 [B, T]."""
        counted = tf.reduce_sum(tf.cast(tf.not_equal(y, IGNORED), tf.int32))
        return self._objective(self._model, x, y, False), counted

    def mean_loss(self, batches: Any) -> tuple[float, int]:
        """Mean loss in nats per token over a dataset of (x, y), and the number of tokens."""
        total, count = 0.0, 0
        for x, y in batches:
            loss, counted = self(x, y)
            total += float(loss)
            count += int(counted)
        return total / count, count
