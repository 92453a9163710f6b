"""A model that learns: its optimizer and its compiled steps, without files or reports."""

import time
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from tf_gpt2.training.optimizer import build_optimizer
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.steps import EvalStep, Objective, TrainStep, next_token_loss


class Learner:
    """A model with its optimizer and its compiled steps.

    Args:
        model: Functional model from ids [B, T] to logits [B, T, V].
        recipe: How a step changes it.
        trained: The variables that learn; all trainable ones when not given.
        objective: The loss that is minimised.
    """

    def __init__(
        self,
        model: keras.Model,
        recipe: Recipe,
        trained: list | None = None,
        objective: Objective = next_token_loss,
    ):
        self.model = model
        self.recipe = recipe
        trained = model.trainable_variables if trained is None else trained
        self._optimizer = build_optimizer(recipe, trained)
        self._train_step = TrainStep(model, self._optimizer, trained, recipe.accumulation_steps, objective)
        self._eval_step = EvalStep(model)

    @property
    def variables(self) -> list:
        """Every variable that a step changes: weights, dropout seeds, optimizer slots."""
        return [*self.model.variables, *self._optimizer.variables]

    def step(self, x: Any, y: Any, learning_rate: float) -> Any:
        """One optimizer step on x, y int32 [B, T]; returns the loss before it, a tensor in nats per token."""
        # A variable, not a schedule inside the compiled step: the number of steps may be settled after compiling.
        self._optimizer.learning_rate = learning_rate
        return self._train_step(x, y)

    def mean_loss(self, batches: Iterable) -> tuple[float, int]:
        """Mean loss in nats per token over batches of (x, y), without dropout, and the number of tokens."""
        return self._eval_step.mean_loss(batches)

    def seconds_per_step(self, batches: Any, learning_rate: float, steps: int = 12) -> float:
        """Compiles and times the step on real batches, then puts every variable back as it was."""
        before = [np.array(variable.value) for variable in self.variables]
        seconds = []
        for x, y in batches.take(steps + 2):
            start = time.perf_counter()
            float(self.step(x, y, learning_rate))
            seconds.append(time.perf_counter() - start)
        for variable, value in zip(self.variables, before, strict=True):
            variable.assign(value)
        return float(np.median(seconds[2:]))
