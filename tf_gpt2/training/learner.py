"""A model that learns: its optimizer and its compiled steps, without files or reports."""

import logging
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_gpt2.data.windows import Beside
from tf_gpt2.errors import UserError
from tf_gpt2.training.averaging import WeightAverage
from tf_gpt2.training.distributed.replicas import Replicas
from tf_gpt2.training.distributed.replicated_steps import ReplicatedEvaluation, ReplicatedStep
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.optimizer import build_optimizer, set_constants
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.steps import EvalStep, Objective, TrainStep, next_token_loss
from tf_gpt2.training.trunk import SparingLoss

_log = logging.getLogger(__name__)


class Learner:
    """A model with its optimizer and its compiled steps.

    Args:
        model: Functional model from ids [B, T] to logits [B, T, V].
        recipe: How a step changes it.
        trained: The variables that learn; all trainable ones when not given.
        objective: The loss that is minimised, instead of that of the next token; its `variables`, if it has any,
            learn too.
        sparing: How memory is spared; for models of `tf_gpt2.model.build_model`.
        precision: What the model's layers multiply in.
        parts: Parts to compute a batch in, where memory asks for more than the recipe does.
        replicas: The devices that train together; None for a single one.
        average: A model of the same shape for the average of the weights; None for no average.
        beside: Gives what the objective wants to know of each target; None for nothing.

    Attributes:
        parts: Parts that a batch is computed in, each device its share: what the recipe asks for, or more where
            memory did not suffice.
        average: The average of the weights; None where there is none.
    """

    def __init__(
        self,
        model: keras.Model,
        recipe: Recipe,
        trained: list | None = None,
        objective: Objective | None = None,
        sparing: Sparing = PLAIN,
        precision: str = "float32",
        parts: int | None = None,
        replicas: Replicas | None = None,
        average: keras.Model | None = None,
        beside: Callable[[], Beside] | None = None,
    ):
        self.beside = beside
        self.replicas = replicas
        self.model = model
        self.recipe = recipe
        self.parts = parts or recipe.accumulation_steps
        self.compile_seconds: float | None = None  # of the first step that was timed
        own = getattr(objective, "variables", [])  # of the objective, which learn along with the model
        self._trained = [*(model.trainable_variables if trained is None else trained), *own]
        self._learning = [*model.variables, *own]
        self._optimizer = build_optimizer(recipe, self._trained, precision)
        of_tokens = next_token_loss if sparing == PLAIN else SparingLoss(model, sparing)
        self._objective = objective or of_tokens
        self._train_step = self._step_in_parts()
        self._eval_step = self._evaluation(model, of_tokens, self._all_variables)
        self.average: WeightAverage | None = None
        if average is not None:
            self.average = WeightAverage(model, average, self._trained, recipe.average_width, replicas)
            of_tokens = next_token_loss if sparing == PLAIN else SparingLoss(average, sparing)
            self._eval_average = self._evaluation(average, of_tokens, average.variables)

    @property
    def variables(self) -> list:
        """Every variable that a step changes: weights, dropout seeds, what the objective learns, optimizer slots,
        averages, the loss scale.
        """
        optimizer, averages = self._optimizer, self.average.variables if self.average else []
        if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            return [*self._learning, *optimizer.variables, *averages]
        scale = [optimizer.step_counter, optimizer.dynamic_scale]
        return [*self._learning, *optimizer.inner_optimizer.variables, *averages, *scale]

    @property
    def _all_variables(self) -> list:
        """With those of the optimizer that each step sets."""
        return list({id(v): v for v in (*self._learning, *self._optimizer.variables)}.values())

    def follow(self, recipe: Recipe) -> None:
        """Takes the weight decay of a settled recipe, and what is the embeddings' own; others are compiled anew."""
        if recipe != self.recipe:
            self.recipe = recipe
            set_constants(self._optimizer, recipe)
            self._train_step = self._step_in_parts()

    def share(self) -> None:
        """Gives every process the values that the first one's variables have."""
        if self.replicas is not None:
            self.replicas.share(self.variables)

    def agreed(self, wish: bool) -> bool:
        """Whether a process wishes to stop: the same answer on all, a step or two after one has the wish."""
        if self.replicas is None or self.replicas.workers == 1:
            return wish
        self._train_step.wish = float(wish)
        return self._train_step.wishes() > 0

    def step(self, x: Any, y: Any, learning_rate: float) -> Any:
        """One optimizer step on x, y int32 [B, T]; returns the loss before it, a tensor in nats per token.

        Where memory does not suffice, it goes on with the batch in more parts, and says so.

        Raises:
            UserError: Memory does not suffice for one sequence.
        """
        # A variable, not a schedule inside the compiled step: the number of steps may be settled after compiling.
        self._optimizer.learning_rate = learning_rate
        while True:
            try:
                return self._train_step(x, y)
            except tf.errors.ResourceExhaustedError:
                self._take_more_parts()

    def copied_weights(self) -> list:
        """What learns, as it stands, for `update_figures`."""
        return [tf.identity(variable.value) for variable in self._trained]

    def update_figures(self, before: list) -> dict[str, Any]:
        """Of the last step: the norm of its gradient, and its update's norm in weights' norms; tensors, by name."""
        change = [variable.value - value for variable, value in zip(self._trained, before, strict=True)]
        figures = {"update_ratio": tf.linalg.global_norm(change) / tf.linalg.global_norm(before)}
        norm = getattr(self._train_step, "gradient_norm", None)
        return figures if norm is None else {"gradient_norm": norm, **figures}

    def _step_in_parts(self):
        if self.replicas is not None:
            return ReplicatedStep(
                self.replicas,
                self.model,
                self._optimizer,
                self._trained,
                self._all_variables,
                self.parts,
                self._objective,
            )
        return TrainStep(self.model, self._optimizer, self._trained, self.parts, self._objective)

    def _take_more_parts(self):
        if self.replicas is not None and self.replicas.workers > 1:
            raise UserError(
                f"memory must suffice for {self.rows} sequences at once on each device, and does not; give more "
                "`accumulation_steps`, `remat`=full or a smaller model"
            ) from None
        rows, share = self.rows, self.rows * self.parts  # that a device computes at once, and of a batch
        fewer = next((fewer for fewer in range(rows // 2, 0, -1) if share % fewer == 0), 0)
        if not fewer:
            raise UserError(
                "memory must suffice for one sequence at a time, and does not; take `remat`=full, a smaller "
                "`context_length` or a smaller model"
            ) from None
        self.parts = share // fewer
        _log.info(
            f"memory does not suffice for {rows} sequences at once: each batch is computed in {self.parts} parts "
            f"of {fewer} from here on, as with `accumulation_steps`={self.parts}"
        )
        self._train_step = self._step_in_parts()

    @property
    def rows(self) -> int:
        """Sequences that a device computes at once."""
        return self.recipe.batch_size // self.parts // (self.replicas.count if self.replicas else 1)

    @property
    def shard(self) -> dict[str, int]:
        """Which part of the data this process computes: arguments of the datasets of data/windows.py."""
        replicas = self.replicas
        return {"shard_index": replicas.worker, "num_shards": replicas.workers} if replicas else {}

    def mean_loss(self, batches: Iterable) -> tuple[float, int]:
        """Mean loss in nats per token over batches of (x, y), without dropout, and the number of tokens."""
        return self._eval_step.mean_loss(batches)

    def mean_loss_of_average(self, batches: Iterable) -> tuple[float, int]:
        """As `mean_loss`, under the average of the weights."""
        return self._eval_average.mean_loss(batches)

    def _evaluation(self, model: keras.Model, objective: Objective, variables: list) -> Any:
        if self.replicas is None:
            return EvalStep(model, objective)
        return ReplicatedEvaluation(self.replicas, model, objective, variables)

    def seconds_per_step(
        self, batches: Any, learning_rate: float, steps: int = 12, enough: float = math.inf
    ) -> float:
        """Compiles and times the step on real batches, then puts every variable back as it was.

        Args:
            batches: Of (x, y).
            learning_rate: Of these steps.
            steps: How many are timed.
            enough: Seconds after which fewer do, but one.
        """
        if self.replicas is not None and self.replicas.workers > 1:
            enough = math.inf  # all take as many steps
        before = [np.array(variable.value) for variable in self.variables]
        seconds = []
        for x, y in batches.take(steps + 2):
            start = time.perf_counter()
            float(self.step(x, y, learning_rate))
            seconds.append(time.perf_counter() - start)
            if len(seconds) > 2 and sum(seconds[1:]) > enough:
                break
        self.compile_seconds = seconds[0]
        for variable, value in zip(self.variables, before, strict=True):
            variable.assign(value)
        return float(np.median(seconds[2:]))
