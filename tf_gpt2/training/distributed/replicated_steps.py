"""A training step on several devices that gives what a single device gives.

Each replica computes the gradients of its rows in one XLA program; their sum over all replicas (tf.distribute's
all-reduce) goes into a second XLA program, the optimizer's, on each. One XLA program around `Strategy.run` does not
compile. Both programs are traced as on a single device: for that moment the mirrored variables of Keras stand for
those of one replica (`Replicas.standing_at`).

Shapes: b sequences of a worker or a replica, T tokens.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_gpt2.data.windows import IGNORED
from tf_gpt2.dropout import PartOfBatch
from tf_gpt2.training.distributed.replicas import Replicas, all_reduced
from tf_gpt2.training.steps import EvalStep, Objective, gradient_norm, targets_of


class ReplicatedStep:
    """`steps.TrainStep` over several devices: the same loss and update, up to rounding, dropout included.

    Args:
        replicas: The devices.
        model: Functional model from ids [B, T] to logits, built in the strategy's scope.
        optimizer: Built for `trained` there.
        trained: What is trained.
        variables: All that a step reads or changes.
        parts: Parts that each replica computes its rows in.
        objective: The loss whose mean over the batch is minimised.

    Attributes:
        wish: What this worker gives into the next step's sum of wishes.
        gradient_norm: As of `steps.TrainStep`.
    """

    def __init__(
        self,
        replicas: Replicas,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        trained: list,
        variables: list,
        parts: int,
        objective: Objective,
    ):
        self._replicas, self._parts = replicas, parts
        self._programs = [
            _Programs(replicas, number, model, optimizer, trained, variables, parts, objective)
            for number in range(len(replicas.devices))
        ]
        self.wish = 0.0
        self.gradient_norm: tf.Tensor | None = None
        self._wished: list = []

    def __call__(self, x: Any, y: Any) -> Any:
        """Updates the model on this worker's rows, int32 [b * its devices, T].

        Returns:
            The mean loss of the whole batch before the update, nats per token.
        """
        for program in self._programs:
            program.trace(x.shape[0] // len(self._programs) // self._parts, x.shape[1], y.shape[2:])
        for part in range(self._parts - 1):
            self._add(*self._rows(x, y, part))
        loss, self.gradient_norm, wished = self._last(*self._rows(x, y, self._parts - 1), tf.constant(self.wish))
        self._wished = [*self._wished, wished][-2:]
        return loss

    def wishes(self) -> float:
        """Sum of the wishes of all workers, not in the newest step, which may be under way, but the one before."""
        return float(self._wished[0]) if len(self._wished) > 1 else 0.0

    def _rows(self, x, y, part):
        """Of each replica: its rows of a part, and their place in the whole batch."""
        own = x.shape[0] // len(self._programs)
        rows, before = own // self._parts, self._replicas.worker * x.shape[0]

        def rows_of(number):
            first = number * own + part * rows
            place = tf.constant(before + first, tf.uint32)
            return x[first : first + rows], y[first : first + rows], place

        with tf.device("CPU:0"):
            return [self._replicas.each(lambda number, at=at: rows_of(number)[at]) for at in range(3)]

    @tf.function(autograph=False)
    def _add(self, x, y, first_row):
        programs = self._replicas.each(lambda number: self._programs[number])
        self._replicas.strategy.run(lambda program, *rows: program.add(*rows), args=(programs, x, y, first_row))

    @tf.function(autograph=False)
    def _last(self, x, y, first_row, wish):
        """Computes the last part, sums over the replicas and updates; returns the loss and the sum of wishes."""

        def replica(program, wish, *rows):
            *sums, wished = all_reduced([*program.last(*rows), wish])
            return [*program.update(sums), wished]

        programs = self._replicas.each(lambda number: self._programs[number])
        wishes = self._replicas.each(lambda number: tf.zeros_like(wish) if number else wish)
        results = self._replicas.strategy.run(replica, args=(programs, wishes, x, y, first_row))
        return [self._replicas.strategy.experimental_local_results(result)[0] for result in results]


class _Programs:
    """The XLA programs of one replica."""

    def __init__(self, replicas, number, model, optimizer, trained, variables, parts, objective):
        self._standing = lambda: replicas.standing_at(number, variables)
        self._model, self._optimizer, self._objective = model, optimizer, objective
        self._trained, self._parts = trained, replicas.count * parts
        self._shapes = [*(variable.shape for variable in trained), (), ()] if parts > 1 else []
        self._traced = False

    def trace(self, rows: int, length: int, beside: tuple[int, ...] = ()) -> None:
        """Traces the programs, for parts of a batch of int32 [rows, length], y with `beside` more dimensions."""
        if self._traced:
            return
        self._whole = rows * length * self._parts
        tokens = tf.TensorSpec((rows, length), tf.int32)
        sums = [tf.TensorSpec(variable.shape) for variable in self._trained] + 2 * [tf.TensorSpec(())]
        for optimizer in (self._optimizer, getattr(self._optimizer, "inner_optimizer", None)):
            if optimizer is not None:  # each replica updates its own variables, and asks no strategy
                optimizer._distribution_strategy = tf.distribute.get_strategy()
        with self._standing():
            self._sums = [tf.Variable(tf.zeros(shape), trainable=False) for shape in self._shapes]
            part = self._add if self._sums else self._compute
            targets = tf.TensorSpec((rows, length, *beside), tf.int32)
            self._part = _compiled(part, tokens, targets, tf.TensorSpec((), tf.uint32))
            self._take = _compiled(self._taken)
            self.update = _compiled(self._updated, sums)
        self._traced = True

    def add(self, x, y, first_row):
        """Adds what a part gives to the sums."""
        self._part(x, y, first_row)

    def last(self, x, y, first_row):
        """Gradients, loss and number of targets of all parts, this one the last."""
        own = self._part(x, y, first_row)
        return self._take() if self._sums else own

    def _compute(self, x, y, first_row):
        """Gradients, loss and number of targets; the first two as if every token of the batch counted."""
        with PartOfBatch(first_row) as self._drawn, tf.GradientTape() as tape:
            loss = self._objective(self._model, x, y, True) / self._whole
            scaled = self._optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self._trained])
        counted = tf.reduce_sum(tf.cast(tf.not_equal(targets_of(y), IGNORED), tf.float32))
        return [*map(tf.convert_to_tensor, gradients), loss, counted]

    def _add(self, x, y, first_row):
        for total, value in zip(self._sums, self._compute(x, y, first_row), strict=True):
            total.assign_add(value)

    def _taken(self):
        """The sums, which begin anew."""
        values = [tf.identity(total) for total in self._sums]
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        return values

    def _updated(self, sums):
        """The optimizer's update from sums over all replicas; returns the mean loss and its gradient's norm."""
        *gradients, loss, counted = sums
        share = self._whole / tf.maximum(counted, 1.0)
        gradients = [gradient * share for gradient in gradients]
        norm = gradient_norm(gradients, self._optimizer)
        self._optimizer.apply(gradients, self._trained)
        self._drawn.count()
        return [loss * share, norm]


def _compiled(function, *inputs):
    return tf.function(function, jit_compile=True, autograph=False).get_concrete_function(*inputs)


class ReplicatedEvaluation:
    """`steps.EvalStep` over several devices: each computes batches of its own."""

    def __init__(self, replicas: Replicas, model: keras.Model, objective: Objective, variables: list):
        self._replicas, self._variables = replicas, variables
        self._steps = [EvalStep(model, objective) for _ in replicas.devices]

    def mean_loss(self, batches: Any) -> tuple[float, int]:
        """Mean loss in nats per token over the batches of all workers, and the number of tokens.

        Args:
            batches: Those of this worker, of (x, y), each int32 [b, T].
        """
        results = []
        for index, batch in enumerate(batches):
            number = index % len(self._steps)
            with self._replicas.standing_at(number, self._variables):
                results.append(self._steps[number](*batch))
        sums = [(float(loss), float(counted)) for loss, counted in results]
        total, counted = self._replicas.sum(np.sum(np.array([*sums, (0.0, 0.0)]), axis=0))
        return float(total / counted), int(counted)  # as of one device: what is stored takes no NumPy numbers
