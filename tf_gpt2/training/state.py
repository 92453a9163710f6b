"""What a training remembers beside the variables, and what it makes of the losses it sees.

Plain values, no TensorFlow.
"""

import dataclasses
import math
import statistics
from collections.abc import Mapping
from typing import Any

# The losses that a new one is held against, as in llm.c's outlier detector; the fewest that say something.
_WINDOW, _FEWEST = 128, 32
# OLMo 2's "spike score", after Karpathy's z-score in llm.c, calls seven standard deviations a spike. The median and
# 1.4826 times the median deviation stand for mean and standard deviation: outliers do not move them.
_DEVIATIONS, _OF_MEDIAN_DEVIATION = 7.0, 1.4826
# A single batch may be odd; a training that leaves its path stays away from it, by more than noise.
_IN_A_ROW, _LEAST_RISE = 3, 0.1


@dataclasses.dataclass
class LoopState:
    """What the loop remembers beside the variables; goes into every checkpoint.

    Attributes:
        step: Optimizer steps done.
        best_validation_loss: Least loss on the held-out text; inf before the first validation.
        best_step: The step that had it; 0 before.
        unlogged_loss: Sum of the losses since the last line of metrics.jsonl.
        unlogged_steps: Their number.
        without_better: Validations since the best one.
        copied_share: Share of what the model wrote at the newest validation that is copied; 0 where not measured.
        recent_losses: What a new loss is held against.
        high_losses: Losses in a row that are far above these.
        skipped_batches: Batches left out so far, which the order of the text is ahead by.
        rollbacks: How often the run went back to a checkpoint.
        tries: How often of these at the present place.
        trouble_step: The last step of the trouble there.
        averaged_steps: Steps whose weights are in the average of the weights.
        best_is_average: Whether the best validation was that average's.
        owed: Reports that are still to come for this step, because a signal broke them off.
    """

    step: int = 0
    best_validation_loss: float = math.inf
    best_step: int = 0
    unlogged_loss: float = 0.0
    unlogged_steps: int = 0
    without_better: int = 0
    copied_share: float = 0.0
    recent_losses: list[float] = dataclasses.field(default_factory=list)
    high_losses: int = 0
    skipped_batches: int = 0
    rollbacks: int = 0
    tries: int = 0
    trouble_step: int = 0
    averaged_steps: int = 0
    best_is_average: bool = False
    owed: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "LoopState":
        """The state in a checkpoint, which may hold more."""
        return cls(**{field.name: stored[field.name] for field in dataclasses.fields(cls)})

    def grow_used_to(self, loss: float) -> None:
        """Takes a loss that is far above the others for usual from now on."""
        self.recent_losses.append(loss)
        self.high_losses = 0

    def count(self, loss: float) -> None:
        """Adds a loss to what the next line of metrics.jsonl is the mean of."""
        self.unlogged_loss += loss
        self.unlogged_steps += 1


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Losses after which a training is not worth going on with.

    Attributes:
        first_step: The step whose loss was the first of them.
        last_step: The last of them.
        loss: Its loss, in nats per token; need not be finite.
        usual: The median before; NaN where there was no loss before.
    """

    first_step: int
    last_step: int
    loss: float
    usual: float

    def __str__(self) -> str:
        if not math.isfinite(self.loss):
            return f"the loss is {self.loss} at step {self.last_step:,}"
        return (
            f"the loss rose from {self.usual:.4f} to {self.loss:.4f} at steps {self.first_step:,} to "
            f"{self.last_step:,}"
        )


def watch(state: LoopState, step: int, loss: float) -> Trouble | None:
    """Looks at the loss of a step, in their order; what it must remember for that goes into `state`.

    Trouble is a loss that is not finite, or the third in a row that is above all of the 128 before, seven standard
    deviations above their median (a robust estimate of them) and a tenth above it.
    """
    recent = state.recent_losses
    if not math.isfinite(loss):
        return Trouble(step, step, loss, statistics.median(recent) if recent else math.nan)
    if not _is_far_above(loss, recent):
        state.high_losses = 0
        recent.append(loss)
        del recent[:-_WINDOW]
        return None
    state.high_losses += 1
    if state.high_losses < _IN_A_ROW:
        return None
    return Trouble(step - _IN_A_ROW + 1, step, loss, statistics.median(recent))


def _is_far_above(loss: float, recent: list[float]) -> bool:
    if len(recent) < _FEWEST or loss <= max(recent):  # the cheap question first
        return False
    median = statistics.median(recent)
    deviation = _OF_MEDIAN_DEVIATION * statistics.median(abs(value - median) for value in recent)
    return loss > median + max(_DEVIATIONS * deviation, _LEAST_RISE * median)
