"""What a training run is: its recipe, its schedule and its rhythm, resolved before the first step."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tf_gpt2.errors import UserError

OPTIMIZERS = ("muon", "adamw")
AUTO = "auto"
PRECISIONS = ("float32", "bfloat16", "float16")
MAX_COUNT = 2**53 - 1  # what training.json can hold (schemas.py)
MAX_BATCH_SIZE = 2**20
MAX_SEED = 2**32 - 1  # what Keras takes
_MAX_FLOAT = 3.4e38  # of float32, in which a step computes


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a step changes the model.

    Attributes:
        batch_size: Sequences a step, over all accumulated parts.
        accumulation_steps: Parts that a batch is computed in, one after the other; divides `batch_size`.
        optimizer: "muon" (matrices by Muon, the rest by Adam) or "adamw".
        weight_decay: Decoupled decay of matrices; vectors (biases, norms) have none.
        embedding_rate: Learning rate of the embeddings, in learning rates of all else; with "muon".
        embedding_decay: Weight decay of the embeddings, in weight decays of the matrices; with "muon".
        average_width: Width of the average of the weights, in lengths of the run so far (training/averaging.py); 0
            for no average.
        multi_token_share: What the loss of the token after the next counts beside the next one's, in training alone
            (training/multi_token.py); 0 leaves it out.
        clip_norm: Largest global norm of the gradients; larger ones are scaled down to it.
        seed: Fixes initial weights, order of the windows, dropout and written samples.
        frozen_layers: Lowest blocks left as they are when fine-tuning.
        freeze_embeddings: Leaves token and position embeddings as they are.

    Raises:
        UserError: A value is out of range.
    """

    batch_size: int
    accumulation_steps: int = 1
    optimizer: str = "muon"
    weight_decay: float = 0.1
    embedding_rate: float = 1.0
    embedding_decay: float = 1.0
    average_width: float = 0.0
    multi_token_share: float = 0.0
    clip_norm: float = 1.0
    seed: int = 0
    frozen_layers: int = 0
    freeze_embeddings: bool = False

    def __post_init__(self):
        for field in ("accumulation_steps", "batch_size"):
            _check(self, field, 1 <= getattr(self, field) <= MAX_BATCH_SIZE, f"from 1 to {MAX_BATCH_SIZE}")
        _check(self, "weight_decay", 0 <= self.weight_decay <= _MAX_FLOAT, "a number from 0")
        _check(self, "embedding_rate", 0 < self.embedding_rate <= _MAX_FLOAT, "a number above 0")
        _check(self, "embedding_decay", 0 <= self.embedding_decay <= _MAX_FLOAT, "a number from 0")
        _check(self, "average_width", 0 <= self.average_width < 0.25, "at least 0 and below 0.25")
        _check(self, "multi_token_share", 0 <= self.multi_token_share <= 1, "from 0 to 1")
        _check(self, "frozen_layers", self.frozen_layers >= 0, "at least 0", "freeze_layers")
        _check(self, "clip_norm", 0 < self.clip_norm <= _MAX_FLOAT, "a number above 0")
        whole = isinstance(self.seed, int) and 0 <= self.seed <= MAX_SEED
        _check(self, "seed", whole, f"a whole number from 0 to {MAX_SEED}")
        _check(self, "optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        divides = self.batch_size % self.accumulation_steps == 0
        _check(self, "accumulation_steps", divides, f"a divisor of `batch_size`={self.batch_size}")


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long a run is, and the learning rate of each step: linear warm-up, then a cosine down to its final share.

    The schedule of Radford et al. 2018, section 4.1, with a floor instead of zero. A run whose length was changed
    on its way goes on along the cosine of its new length, which it reaches in a linear ramp: the rate never jumps
    (re-warming: Ibrahim et al. 2024, "Simple and Scalable Strategies to Continually Pre-train LLMs", section 4).

    Attributes:
        steps: Optimizer steps in all.
        learning_rate: Peak, reached after the warm-up.
        warmup_steps: Steps of linear rise from 0.
        final_learning_rate_share: Share of the peak that the cosine ends at.
        changed_at: Steps done when the run got another length; 0 where it never did.
        changed_from: The learning rate that was in force there.
        former: The schedule until then, for a run that goes back before the change; None where that is not known,
            as in runs of earlier versions: then `changed_from` stands for it.

    Raises:
        UserError: A value is out of range.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_learning_rate_share: float = 0.1
    changed_at: int = 0
    changed_from: float = 0.0
    former: "Schedule | None" = None

    def __post_init__(self):
        _check(self, "steps", 1 <= self.steps <= MAX_COUNT, f"from 1 to {MAX_COUNT}")
        _check(self, "warmup_steps", 0 <= self.warmup_steps <= MAX_COUNT, f"from 0 to {MAX_COUNT}")
        _check(self, "learning_rate", 0 < self.learning_rate <= _MAX_FLOAT, "a number above 0")
        share = self.final_learning_rate_share
        _check(self, "final_learning_rate_share", 0 <= share <= 1, "from 0 to 1")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Schedule":
        """The schedule of JSON values, which may hold more."""
        fields = {field.name: stored[field.name] for field in dataclasses.fields(cls) if field.name in stored}
        former = fields.pop("former", None)
        return cls(**fields, former=None if former is None else cls.of(former))

    @property
    def ramp_steps(self) -> int:
        """Steps of the ramp after a change of length: a twentieth of what is left, at most 500."""
        return min(500, (self.steps - self.changed_at) // 20) if self.changed_at else 0

    def rate_after(self, step: int) -> float:
        """Learning rate of the step that follows `step` done ones."""
        into = step - self.changed_at
        if into < 0:
            return self.changed_from if self.former is None else self.former.rate_after(step)
        rate, ramp = self._cosine(step), self.ramp_steps
        if into < ramp:
            return self.changed_from + (rate - self.changed_from) * (into + 1) / (ramp + 1)
        return rate

    def changed(self, steps: int, done: int) -> "Schedule":
        """The schedule of the same run with another number of steps, decided when `done` of them were done."""
        former, rate = self.former, self.rate_after(done - 1)
        if done > self.changed_at:  # else no step was taken by this schedule's own length
            # Of the one before it, what came before that is forgotten: no checkpoint is so old.
            former = dataclasses.replace(self, former=former and dataclasses.replace(former, former=None))
        return dataclasses.replace(self, steps=steps, changed_at=done, changed_from=rate, former=former)

    def _cosine(self, step):
        warmup = min(self.warmup_steps, self.steps - 1)
        if step < warmup:
            return self.learning_rate * (step + 1) / (warmup + 1)
        done = min(1.0, (step - warmup) / max(1, self.steps - warmup))
        floor = self.final_learning_rate_share
        return self.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """How often a run reports, in steps; 0 leaves that report out. Changing it does not change the result.

    Attributes:
        log_every: Progress line and a line of metrics.jsonl.
        eval_every: Validation loss; the model directory is written when it is the best so far.
        sample_every: A passage the model writes.
        checkpoint_every: What resuming needs; the last step's comes always.
        keep_checkpoints: Number of newest checkpoints that stay.

    Raises:
        UserError: A value is out of range.
    """

    log_every: int = 10
    eval_every: int = 250
    sample_every: int = 500
    checkpoint_every: int = 250
    keep_checkpoints: int = 2

    def __post_init__(self):
        for field, least in (
            ("log_every", 1),
            ("eval_every", 0),
            ("sample_every", 0),
            ("checkpoint_every", 0),
        ):
            _check(self, field, getattr(self, field) >= least, f"at least {least}")
        _check(self, "keep_checkpoints", 1 <= self.keep_checkpoints <= MAX_COUNT, f"from 1 to {MAX_COUNT}")

    def due(self, step: int, last: int, *, validates: bool) -> set[str]:
        """What comes after a step: some of "log", "eval", "sample" and "checkpoint".

        Args:
            step: Steps done.
            last: Steps of the run; with the last one comes everything that comes at all.
            validates: Whether there is held-out text to measure on.
        """
        reports = {
            "log": self.log_every,
            "eval": self.eval_every if validates else 0,
            "sample": self.sample_every,
            "checkpoint": self.checkpoint_every,
        }
        due = {report for report, every in reports.items() if every and (step % every == 0 or step == last)}
        # Without a checkpoint of its last step a finished run could not be known for one, nor be lengthened.
        return due | {"checkpoint"} if step == last else due


def _check(settings: Any, field: str, holds: bool, rule: str, argument: str | None = None) -> None:
    if not holds:
        raise UserError(f"`{argument or field}` must be {rule}; received {getattr(settings, field)!r:.60}")
