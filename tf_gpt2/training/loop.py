"""The training loop: steps, reports, checkpoints, and a clean end whatever ends it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

import dataclasses
import math
import pathlib
from typing import Protocol

import numpy as np

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.data.windows import evaluation_windows, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import CHECKPOINTS, checkpoint_steps
from tf_gpt2.training.checkpoints import restore_checkpoint, save_checkpoint
from tf_gpt2.training.interrupt import DeferredSignals
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.metrics import MetricsLog
from tf_gpt2.training.progress import Progress
from tf_gpt2.training.settings import Rhythm, Schedule


class ModelKeeper(Protocol):
    """Writes the model that is being trained, whatever it is."""

    def save(self) -> None:
        """Writes the model into the run directory."""

    def write_sample(self, step: int) -> str:
        """Writes a passage; returns the text to show."""


@dataclasses.dataclass
class LoopState:
    """What the loop remembers beside the variables; goes into every checkpoint."""

    step: int = 0
    best_validation_loss: float = math.inf
    best_step: int = 0


class Trainer:
    """Trains a model in a run directory.

    Args:
        run_dir: Directory for checkpoints and metrics.
        learner: The model with its optimizer and steps.
        corpus: What it learns from and is measured on.
        schedule: Number of steps and learning rates.
        rhythm: How often to report.
        context_length: Tokens of a window.
        keeper: Writes the model and its passages.
        signals: What asks for an early end; entered while the loop runs.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike,
        learner: Learner,
        corpus: PreparedCorpus,
        schedule: Schedule,
        rhythm: Rhythm,
        *,
        context_length: int,
        keeper: ModelKeeper,
        signals: DeferredSignals | None = None,
    ):
        self.run_dir = pathlib.Path(run_dir)
        self.learner = learner
        self.corpus = corpus
        self.schedule = schedule
        self.rhythm = rhythm
        self.state = LoopState()
        self._context_length = context_length
        self._keeper = keeper
        self._signals = signals or DeferredSignals()

    def restore(self) -> bool:
        """Goes to the newest checkpoint of the run directory; returns whether there was one."""
        folder = self.run_dir / CHECKPOINTS
        steps = checkpoint_steps(folder)
        if not steps:
            return False
        self.state = LoopState(**restore_checkpoint(folder, steps[-1], self.learner.variables))
        return True

    def train(self) -> LoopState:
        """Runs to the last step.

        Raises:
            UserError: The loss is not finite, or a file cannot be written.
            KeyboardInterrupt: The user asked to stop; a checkpoint has been saved.
        """
        metrics = MetricsLog(self.run_dir, self.state.step)
        tokens_per_step = self.learner.recipe.batch_size * self._context_length
        progress = Progress(self.state.step, self.schedule.steps, tokens_per_step)
        with self._signals:
            try:
                self._run(metrics, progress)
            finally:
                progress.close()
                metrics.close()
        return self.state

    def keep_model(self) -> None:
        """Writes the model as it stands, whatever its validation loss."""
        self._keeper.save()

    def validate(self) -> float:
        """Mean loss in nats per token over the held-out tokens, each predicted once, without dropout."""
        recipe = self.learner.recipe
        rows = recipe.batch_size // recipe.accumulation_steps
        windows = evaluation_windows(
            self.corpus.validation_tokens, context_length=self._context_length, batch_size=rows
        )
        loss, _ = self.learner.mean_loss(windows)
        return loss

    def _run(self, metrics, progress):
        last, first = self.schedule.steps, self.state.step
        unchecked = []  # losses not yet looked at: reading one waits for the device
        batches = training_batches(self.corpus, self.learner, self._context_length, first)
        for x, y in batches.take(last - first):
            unchecked.append(self.learner.step(x, y, self.schedule.rate_after(self.state.step)))
            self.state.step = step = self.state.step + 1
            stopping = self._signals.received is not None
            due = {report for report, every in self._reports() if every and (step % every == 0 or step == last)}
            if due or stopping:
                self._check_finite(unchecked)
                figures = progress.report(step, float(unchecked[-1]), self.schedule.rate_after(step - 1))
                metrics.write(step, "train", **figures)
                unchecked = []
            self._write_reports(due, stopping, metrics, progress)
            if due or stopping or step == first + 1:
                progress.resume(step)
            if stopping and step < last:
                raise KeyboardInterrupt

    def _reports(self):
        rhythm = self.rhythm
        return (
            ("log", rhythm.log_every),
            ("eval", rhythm.eval_every),
            ("sample", rhythm.sample_every),
            ("checkpoint", rhythm.checkpoint_every),
        )

    def _write_reports(self, due, stopping, metrics, progress):
        if "eval" in due:
            self._evaluate(metrics, progress)
        if "sample" in due:
            progress.note(self._keeper.write_sample(self.state.step))
        if "checkpoint" in due or stopping:
            self._save_checkpoint()

    def _check_finite(self, losses):
        values = np.array([float(loss) for loss in losses])
        finite = np.isfinite(values)
        if finite.all():
            return
        step = self.state.step - len(values) + 1 + int(np.argmin(finite))
        raise UserError(
            f"the loss must stay finite; it is {values[~finite][0]} at step {step} with the learning rate "
            f"{self.schedule.rate_after(step - 1):.2e}. Try a smaller `learning_rate` or `clip_norm` or more "
            "`warmup_steps`; what was saved before is kept"
        )

    def _evaluate(self, metrics, progress):
        loss = self.validate()
        metrics.write(self.state.step, "validation", loss=loss)
        best = loss < self.state.best_validation_loss
        progress.validation(self.state.step, loss, best)
        if best:
            self.state.best_validation_loss, self.state.best_step = loss, self.state.step
            self._keeper.save()

    def _save_checkpoint(self):
        save_checkpoint(
            self.run_dir / CHECKPOINTS,
            self.state.step,
            self.learner.variables,
            dataclasses.asdict(self.state),
            keep=self.rhythm.keep_checkpoints,
        )


def training_batches(
    corpus: PreparedCorpus, learner: Learner, context_length: int, start_step: int = 0
) -> tf.data.Dataset:
    """The batches of a run from a step on: an endless `tf.data.Dataset` of (x, y), each int32 [B, T]."""
    return training_dataset(
        corpus.train_tokens,
        context_length=context_length,
        batch_size=learner.recipe.batch_size,
        seed=learner.recipe.seed,
        start_step=start_step,
    )
