"""What a training run is: its shape, its recipe and its rhythm, resolved before the first step."""

import dataclasses

from tf_gpt2.errors import UserError

OPTIMIZERS = ("muon", "adamw")


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """The recipe of a run. Two runs with equal settings, model and corpus are the same run.

    Attributes:
        steps: Optimizer steps in all.
        batch_size: Sequences a step, over all accumulated parts.
        accumulation_steps: Parts that a batch is computed in, one after the other; divides `batch_size`.
        optimizer: "muon" (matrices by Muon, the rest by Adam) or "adamw".
        learning_rate: Peak, reached after the warm-up.
        warmup_steps: Steps of linear rise from 0.
        final_learning_rate_share: Share of the peak that the cosine ends at.
        weight_decay: Decoupled decay of matrices; vectors (biases, norms) have none.
        clip_norm: Largest global norm of the gradients; larger ones are scaled down to it.
        seed: Fixes initial weights, order of the windows, dropout and written samples.
        frozen_layers: Lowest blocks left as they are when fine-tuning.
        freeze_embeddings: Leaves token and position embeddings as they are.
    """

    steps: int
    batch_size: int
    accumulation_steps: int = 1
    optimizer: str = "muon"
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_learning_rate_share: float = 0.1
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    seed: int = 0
    frozen_layers: int = 0
    freeze_embeddings: bool = False

    def __post_init__(self):
        for field in ("steps", "batch_size", "accumulation_steps"):
            self._check(field, getattr(self, field) >= 1, "at least 1")
        for field in ("warmup_steps", "weight_decay", "frozen_layers"):
            self._check(field, getattr(self, field) >= 0, "at least 0")
        for field in ("learning_rate", "clip_norm"):
            self._check(field, getattr(self, field) > 0, "above 0")
        self._check("final_learning_rate_share", 0 <= self.final_learning_rate_share <= 1, "from 0 to 1")
        self._check("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        divides = self.batch_size % self.accumulation_steps == 0
        self._check("accumulation_steps", divides, f"a divisor of --batch_size={self.batch_size}")

    def _check(self, field, holds, rule):
        if not holds:
            raise UserError(f"--{field} must be {rule}; received {getattr(self, field)!r}")


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """How often a run reports, in steps; 0 leaves that report out. Changing it does not change the result.

    Attributes:
        log_every: Progress line and a line of metrics.jsonl.
        eval_every: Validation loss; the model directory is written when it is the best so far.
        sample_every: A passage the model writes.
        checkpoint_every: What resuming needs.
        keep_checkpoints: Number of newest checkpoints that stay.
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
            ("keep_checkpoints", 1),
        ):
            if getattr(self, field) < least:
                raise UserError(f"--{field} must be at least {least}; received {getattr(self, field)}")
