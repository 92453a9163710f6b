"""The training loop: steps, reports, checkpoints, and a clean end whatever ends it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable
from typing import Protocol, TextIO, cast

import numpy as np

from tf_gpt2.data.token_files import PreparedCorpus, TokenStream
from tf_gpt2.data.windows import evaluation_windows, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import CHECKPOINTS, TEST, TRAIN, VALIDATION
from tf_gpt2.training.checkpoints import restore_newest, save_checkpoint
from tf_gpt2.training.followers import SilentMetrics, SilentStream
from tf_gpt2.training.interrupt import DeferredSignals
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.metrics import MetricsLog
from tf_gpt2.training.progress import Progress
from tf_gpt2.training.settings import Rhythm, Schedule
from tf_gpt2.training.team import Team


class ModelKeeper(Protocol):
    """Writes the model that is being trained, whatever it is."""

    def save(self) -> None:
        """Writes the model into the run directory."""

    def load(self) -> None:
        """Puts the weights of the kept model into the live one."""

    def describe(self) -> dict[str, str]:
        """Metadata that makes a checkpoint enough for a model."""

    def write_sample(self, step: int) -> str:
        """Writes a passage; returns the text to show."""


@dataclasses.dataclass
class LoopState:
    """What the loop remembers beside the variables; goes into every checkpoint."""

    step: int = 0
    best_validation_loss: float = math.inf
    best_step: int = 0
    unlogged_loss: float = 0.0  # sum over the steps since the last line of metrics.jsonl
    unlogged_steps: int = 0


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
        check: Called before anything is written, to refuse it.
        originality: Measures what the model copies, at each validation; `copied_share` is one of the figures.
        stop_when_copying: Largest share with which the training goes on; None for any.
        team: The processes that train together; its chief alone writes.
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
        check: Callable[[], None] = lambda: None,
        originality: Callable[[], dict[str, float]] | None = None,
        stop_when_copying: float | None = None,
        team: Team | None = None,
    ):
        self._team = team or Team()
        self.run_dir = pathlib.Path(run_dir)
        self.learner = learner
        self.corpus = corpus
        self.schedule = schedule
        self.rhythm = rhythm
        self.state = LoopState()
        self._context_length = context_length
        self._keeper = keeper
        self._signals = signals or DeferredSignals()
        self._check = check
        self._originality, self._stop_when_copying = originality, stop_when_copying
        self.stopped_copying: float | None = None  # the share that ended the training
        self.test_loss: float | None = None

    def restore(self) -> bool:
        """Goes to the newest whole checkpoint of the run directory; returns whether there was one.

        Raises:
            UserError: All are damaged, or of another model.
        """
        newest = functools.partial(restore_newest, self.run_dir / CHECKPOINTS, self.learner.variables)
        state = self._team.from_chief(newest)
        self.learner.share()
        if state is not None:
            self._team.saved(state["step"])
            self.state = LoopState(**{field.name: state[field.name] for field in dataclasses.fields(LoopState)})
        return state is not None

    def train(self) -> LoopState:
        """Runs to the last step, and measures the kept model on the test span.

        Raises:
            UserError: The loss is not finite, or a file cannot be written.
            KeyboardInterrupt: The user asked to stop; a checkpoint has been saved, and a model.
        """
        chief = self._team.is_chief
        metrics = MetricsLog(self.run_dir, self.state.step) if chief else SilentMetrics()
        tokens_per_step = self.learner.recipe.batch_size * self._context_length
        stream = None if chief else cast(TextIO, SilentStream())
        progress = Progress(self.state.step, self.schedule.steps, tokens_per_step, stream)
        try:
            with self._signals:
                self._run(metrics, progress)
            if not self.validates:
                self._keeper.save()
            elif self.corpus.test.targets:
                self._keeper.load()
                self.learner.share()
                self.test_loss = self._mean_loss(self.corpus.test)
                metrics.write(self.state.step, TEST, loss=self.test_loss)
        finally:
            progress.close()
            metrics.close()
        return self.state

    @property
    def validates(self) -> bool:
        """Whether validation decides which model is kept; else it is the last one."""
        return bool(self.rhythm.eval_every and self.corpus.validation.targets)

    def keep_model(self) -> None:
        """Writes the model as it stands, whatever its validation loss."""
        self._keeper.save()

    def validate(self) -> float:
        """Mean loss in nats per token over the held-out tokens, each predicted once, without dropout."""
        return self._mean_loss(self.corpus.validation)

    def _mean_loss(self, stream: TokenStream) -> float:
        batches = evaluation_windows(
            stream, context_length=self._context_length, batch_size=self.learner.rows, **self.learner.shard
        )
        return self.learner.mean_loss(batches)[0]

    def _run(self, metrics, progress):
        last, first = self.schedule.steps, self.state.step
        unchecked = []  # losses not yet looked at: reading one waits for the device
        batches = training_batches(self.corpus, self.learner, self._context_length, first)
        for x, y in batches.take(last - first):
            unchecked.append(self.learner.step(x, y, self.schedule.rate_after(self.state.step)))
            self.state.step = step = self.state.step + 1
            stopping = self.learner.agreed(self._signals.received is not None)
            due = {report for report, every in self._reports() if every and (step % every == 0 or step == last)}
            if due or stopping:
                self._check()
                self._count(unchecked)
                unchecked = []
                progress.pause(step)
            if "log" in due:
                self._log(metrics, progress)
            self._write_reports(due, stopping, metrics, progress)
            if self.stopped_copying is not None:
                break
            if due or stopping or step == first + 1:
                progress.resume(step)
            if stopping and step < last:
                self._team.agreed_to_stop = True
                raise KeyboardInterrupt

    def _log(self, metrics, progress):
        state = self.state
        mean = state.unlogged_loss / state.unlogged_steps
        metrics.write(
            state.step, TRAIN, **progress.report(state.step, mean, self.schedule.rate_after(state.step - 1))
        )
        state.unlogged_loss, state.unlogged_steps = 0.0, 0

    def _reports(self):
        rhythm = self.rhythm
        return (
            ("log", rhythm.log_every),
            ("eval", rhythm.eval_every if self.validates else 0),
            ("sample", rhythm.sample_every),
            ("checkpoint", rhythm.checkpoint_every),
        )

    def _write_reports(self, due, stopping, metrics, progress):
        if "eval" in due:
            self._evaluate(metrics, progress)
        if "sample" in due:
            progress.note(self._keeper.write_sample(self.state.step))
        if "checkpoint" in due or stopping or self.stopped_copying is not None:
            self._save_checkpoint()
            if not self.state.best_step:  # a model to write with, until validation has chosen one
                self._keeper.save()

    def _count(self, losses):
        values = np.array([float(loss) for loss in losses])
        finite = np.isfinite(values)
        if finite.all():
            for value in values.tolist():  # one by one: a resumed run has the same sum to the bit
                self.state.unlogged_loss += value
            self.state.unlogged_steps += len(values)
            return
        step = self.state.step - len(values) + 1 + int(np.argmin(finite))
        raise UserError(
            f"the loss must stay finite; it is {values[~finite][0]} at step {step} with the learning rate "
            f"{self.schedule.rate_after(step - 1):.2e}. Try a smaller `learning_rate` or `clip_norm` or more "
            "`warmup_steps`; what was saved before is kept"
        )

    def _evaluate(self, metrics, progress):
        loss = self.validate()
        figures = self._originality() if self._originality else {}
        metrics.write(self.state.step, VALIDATION, loss=loss, **figures)
        best = loss < self.state.best_validation_loss
        copied = figures.get("copied_share")
        progress.validation(self.state.step, loss, best, copied)
        if best:
            self.state.best_validation_loss, self.state.best_step = loss, self.state.step
            self._keeper.save()
        if copied is not None and self._stop_when_copying is not None and copied > self._stop_when_copying:
            self.stopped_copying = copied

    def _save_checkpoint(self):
        if not self._team.is_chief:
            return
        save_checkpoint(
            self.run_dir / CHECKPOINTS,
            self.state.step,
            self.learner.variables,
            dataclasses.asdict(self.state),
            keep=self.rhythm.keep_checkpoints,
            description=self._keeper.describe(),
        )
        self._team.saved(self.state.step)


def training_batches(
    corpus: PreparedCorpus, learner: Learner, context_length: int, start_step: int = 0
) -> tf.data.Dataset:
    """The batches of a run from a step on: an endless `tf.data.Dataset` of (x, y), each int32 [B, T].

    Of several processes each gets its rows.
    """
    return training_dataset(
        corpus.train,
        context_length=context_length,
        batch_size=learner.recipe.batch_size,
        seed=learner.recipe.seed,
        start_step=start_step,
        **learner.shard,
    )
