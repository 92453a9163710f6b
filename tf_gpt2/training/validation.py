"""The validations of a run: which weights are better, whether they are kept, whether the run is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tf_gpt2.data.token_files import PreparedCorpus, TokenStream
from tf_gpt2.data.windows import evaluation_windows
from tf_gpt2.run_directory import VALIDATION
from tf_gpt2.training.background import Job
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.saving import ModelKeeper
from tf_gpt2.training.state import LoopState

if TYPE_CHECKING:
    from tf_gpt2.training.distributed.followers import SilentMetrics
    from tf_gpt2.training.metrics import MetricsLog
    from tf_gpt2.training.progress import Progress


class BrokenOff(Exception):
    """A signal came amid a report."""


class Validation:
    """Measures the weights, and their average where there is one, and keeps the better of both when it is the best.

    Args:
        learner: The model.
        corpus: What it is measured on.
        context_length: Tokens of a window.
        keeper: Writes the model.
        average_keeper: Writes the average of its weights; None leaves that one out.
        originality: Measures what the better one copies; `copied_share` is one of the figures.
        stop_when_copying: Largest share with which the training goes on; None for any.
        patience: Validations in a row without a better loss that end the training; None for none.

    Attributes:
        breaks_off: Whether a validation under way ends at once.
    """

    def __init__(
        self,
        learner: Learner,
        corpus: PreparedCorpus,
        context_length: int,
        keeper: ModelKeeper,
        *,
        average_keeper: ModelKeeper | None = None,
        originality: Callable[[ModelKeeper], dict[str, float]] | None = None,
        stop_when_copying: float | None = None,
        patience: int | None = None,
    ):
        self._learner, self._corpus, self._context_length = learner, corpus, context_length
        self.keeper, self._average_keeper = keeper, average_keeper
        self.originality = originality
        self.stop_when_copying, self._patience = stop_when_copying, patience
        self.breaks_off: Callable[[], bool] = lambda: False

    def out_of_patience(self, state: LoopState) -> bool:
        """Whether so many validations in a row had no better loss that the training is over."""
        return self._patience is not None and state.without_better >= self._patience

    def copies_too_much(self, state: LoopState) -> bool:
        """Whether so much of what the model writes is copied that the training is over."""
        return self.stop_when_copying is not None and state.copied_share > self.stop_when_copying

    def ends(self, state: LoopState) -> bool:
        """Whether what the validations found ends the training before its last step."""
        return self.copies_too_much(state) or self.out_of_patience(state)

    def loss(self) -> float:
        """Mean loss of the weights in nats per token over the held-out tokens, each predicted once."""
        return self._held_out_loss(self._learner.mean_loss)

    def __call__(self, state: LoopState, metrics: MetricsLog | SilentMetrics, progress: Progress) -> list[Job]:
        """Validates; what it finds goes into `state`. Returns what there is to write.

        Raises:
            BrokenOff: A signal came.
        """
        losses = self._losses(state)
        if self.breaks_off():
            raise BrokenOff
        averaged = losses.get("average", math.inf) < losses["weights"]
        loss, keeper = min(losses.values()), self._average_keeper if averaged else self.keeper
        assert keeper is not None
        best = loss < state.best_validation_loss
        state.without_better = 0 if best else state.without_better + 1
        figures = {f"{name}_loss": value for name, value in losses.items()} if len(losses) > 1 else {}
        figures |= self.originality(keeper) if self.originality else {}
        copied = figures.get("copied_share")
        if self._patience is not None:
            figures["without_better"] = state.without_better
        metrics.write(state.step, VALIDATION, loss=loss, **figures)
        progress.validation(state.step, loss, best, copied, losses["weights"] if averaged else None)
        state.copied_share = copied or 0.0
        if not best:
            return []
        state.best_validation_loss, state.best_step, state.best_is_average = loss, state.step, averaged
        return [keeper.snapshot()]

    def _losses(self, state: LoopState) -> dict[str, float]:
        """Of the weights and, once steps are in it, of their average."""
        losses = {"weights": self.loss()}
        if self._learner.average is not None and self._average_keeper is not None and state.averaged_steps:
            losses["average"] = self._held_out_loss(self._learner.mean_loss_of_average)
        return losses

    def mean_loss(self, stream: TokenStream, measure: Callable[[Iterable], tuple[float, int]]) -> float:
        """Mean loss over all tokens of a stream.

        Args:
            stream: The tokens.
            measure: From batches to their mean loss and the number of tokens.
        """
        batches = evaluation_windows(
            stream, context_length=self._context_length, batch_size=self._learner.rows, **self._learner.shard
        )
        return measure(batches)[0]

    def _held_out_loss(self, measure):
        return self.mean_loss(self._corpus.validation, lambda batches: measure(self._unless_stopped(batches)))

    def _unless_stopped(self, batches: Iterable) -> Iterator:
        for batch in batches:
            if self.breaks_off():
                raise BrokenOff
            yield batch
