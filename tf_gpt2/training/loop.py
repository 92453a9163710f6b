"""The training loop: steps, reports, checkpoints, and a clean end whatever ends it."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any, TextIO, cast

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.run_directory import CHECKPOINTS, EARLY_END, TEST, TRAIN, VALIDATION, has_line
from tf_gpt2.training.background import Job
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.checkpoints import restore_newest
from tf_gpt2.training.distributed.followers import SilentMetrics, SilentSaver, SilentStream
from tf_gpt2.training.distributed.team import Team
from tf_gpt2.training.interrupt import DeferredSignals
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.metrics import MetricsLog
from tf_gpt2.training.preflight import STEPS_OF_A_PACE
from tf_gpt2.training.progress import Progress
from tf_gpt2.training.rollback import MOST_ROLLBACKS, Guard
from tf_gpt2.training.saving import ModelKeeper, Saver
from tf_gpt2.training.settings import Rhythm, Schedule
from tf_gpt2.training.state import LoopState, Trouble
from tf_gpt2.training.validation import BrokenOff, Validation


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
        average_keeper: Writes the average of the weights; None where that is not to be kept.
        originality: As of `validation.Validation`.
        stop_when_copying: Largest share with which the training goes on; None for any.
        patience: Validations in a row without a better loss that end the training; None for none.
        most_rollbacks: How often the run goes back at one place from a loss that rises or is not finite.
        on_pace: Called once with the seconds of a step, when the first of them are done and some are left.
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
        average_keeper: ModelKeeper | None = None,
        originality: Callable[[ModelKeeper], dict[str, float]] | None = None,
        stop_when_copying: float | None = None,
        patience: int | None = None,
        most_rollbacks: int = MOST_ROLLBACKS,
        on_pace: Callable[[float], None] | None = None,
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
        self.validation = Validation(
            *(learner, corpus, context_length, keeper),
            average_keeper=average_keeper,
            originality=originality,
            stop_when_copying=stop_when_copying,
            patience=patience,
        )
        self.validation.breaks_off = lambda: self._breaks_off
        self._keeper = keeper
        self._signals = signals or DeferredSignals()
        self._signals.overdue = self._team.overdue
        self._team.save_at_rest = self._save_at_rest
        self._check = check
        self._on_pace = on_pace
        self._watched: dict[str, Any] = {}  # of the last step whose update was measured
        saver = Saver if self._team.is_chief else SilentSaver
        self._saver = saver(run_dir, lambda: learner.variables, keeper, lambda: self._check())
        folder = self.run_dir / CHECKPOINTS
        self._guard = Guard(folder, lambda: learner.variables, self._saver, most_rollbacks, self._team)
        self._agreed = False  # that all processes stop
        self._began_at = 0
        self._tested = False
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
            self.state = LoopState.of(state)
            self._tested = self._team.from_chief(lambda: has_line(self.run_dir, self.state.step, TEST))
        return state is not None

    def train(self) -> LoopState:
        """Runs to the last step, and measures the kept model on the test span.

        Raises:
            UserError: The loss stays not finite or high, or a file cannot be written.
            KeyboardInterrupt: The user asked to stop; a checkpoint has been saved, and a model, unless asked twice.
        """
        chief, again = self._team.is_chief, {VALIDATION} if "eval" in self.state.owed else set()
        again |= {EARLY_END, TEST} if self._is_over else set()
        metrics = MetricsLog(self.run_dir, self.state.step, again=again) if chief else SilentMetrics()
        tokens_per_step = self.learner.recipe.batch_size * self._context_length
        stream = None if chief else cast(TextIO, SilentStream())
        progress = Progress(self.state.step, self.schedule.steps, tokens_per_step, stream)
        self._began_at = self.state.step
        try:
            with self._signals:
                self._run(metrics, progress)
                self._saver.wait()
            self._check()
            if not self._keeps_best:
                self._keeper.save()
            elif self.corpus.test.targets:
                self._keeper.load()
                self.learner.share()
                self.test_loss = self.validation.mean_loss(self.corpus.test, self.learner.mean_loss)
                metrics.write(self.state.step, TEST, loss=self.test_loss)
            self._saver.curves()
        finally:
            self._saver.close()
            progress.close()
            metrics.close()
        return self.state

    @property
    def validates(self) -> bool:
        """Whether the run is validated as it goes on."""
        return bool(self.rhythm.eval_every and self.corpus.validation.targets)

    @property
    def _keeps_best(self) -> bool:
        """Whether the kept model is the best one, not the last: once validated, what is said of it stays true."""
        return self.validates or bool(self.state.best_step)

    @property
    def owes_test(self) -> bool:
        """Whether the kept model's loss on the test span is not recorded yet, as after a stop amid it."""
        return bool(self._keeps_best and self.corpus.test.targets) and not self._tested

    def keep_model(self) -> None:
        """Writes the model as it stands, whatever its validation loss."""
        self._keeper.save()

    def _run(self, metrics, progress):
        if self.state.owed:
            # With a checkpoint that owes nothing: at the last step no other one comes.
            self._report({*self.state.owed, "checkpoint"}, metrics, progress)
        while not self._is_over:
            trouble = self._steps(metrics, progress)
            if trouble is None:
                break
            self._go_back(trouble, metrics, progress)
        if self._ended_early:
            metrics.write(self.state.step, EARLY_END, loss=self.state.best_validation_loss)

    def _steps(self, metrics, progress) -> Trouble | None:
        """Trains from the present step to the end, or to trouble, which it returns."""
        last, first = self.schedule.steps, self.state.step
        unchecked = []  # losses not yet looked at: reading one waits for the device
        start = first + self.state.skipped_batches
        batches = training_batches(self.corpus, self.learner, self._context_length, start)
        for x, y in progress.fed(batches.take(last - first)):
            step = self.state.step + 1
            weights = self.learner.copied_weights() if self._is_watched(step) else None
            unchecked.append(self.learner.step(x, y, self.schedule.rate_after(step - 1)))
            if self.learner.average is not None:
                self.state.averaged_steps += 1
                self.learner.average.update(self.state.averaged_steps)
            if weights is not None:
                self._watched = self.learner.update_figures(weights)
            self.state.step = step
            self._agreed = self.learner.agreed(self._signals.received is not None)
            self._saver.check()
            due = self.rhythm.due(step, last, validates=self.validates)
            if due or self._stopping:
                self._check()
                trouble, unchecked = self._guard.look_at(self.state, unchecked), []
                progress.pause(step)
                if trouble is not None:
                    return trouble
                self._report(due, metrics, progress)
            if self._ended_early:
                break
            if due or step == first + 1:
                progress.resume(step)
        return None

    def _is_watched(self, step: int) -> bool:
        """Whether the step's update is measured, which takes a moment: where a line comes, at most every tenth."""
        return step % self.rhythm.log_every == 0 and step % min(10, self.schedule.steps) == 0

    @property
    def _stopping(self) -> bool:
        return self._agreed if self._team.cluster else self._signals.received is not None

    @property
    def _breaks_off(self) -> bool:
        """Whether a report ends at once; with others no process leaves what all compute together."""
        return self._team.cluster is None and self._stopping

    @property
    def _is_over(self) -> bool:
        return self._ended_early or self.state.step >= self.schedule.steps

    @property
    def _ended_early(self) -> bool:
        return self.validation.ends(self.state)

    def _report(self, due: set[str], metrics, progress) -> None:
        """Does what is due at this step, and saves.

        Raises:
            KeyboardInterrupt: A signal came, and everything is saved.
        """
        self.state.owed = []
        if "log" in due:
            self._log(metrics, progress)
        jobs: list[Job] = []
        owed = sorted(due & {"eval", "sample"})
        self._saver.at_rest = dataclasses.replace(self.state, owed=owed)
        try:
            if "eval" in due:
                jobs += self.validation(self.state, metrics, progress)
            if "sample" in due:
                sample = self._keeper.write_sample(self.state.step)
                progress.note(sample)
                metrics.write_text(self.state.step, "sample", sample)
        except BrokenOff:
            self.state.owed = owed
        self._saver.at_rest = None
        stopping = self._stopping
        if stopping:
            self._signals.meet()
        if "eval" in due:
            jobs.append(self._saver.curves)
        if "checkpoint" in due or stopping or self._ended_early:
            jobs += self._saver.checkpoint(self.state, self.rhythm.keep_checkpoints)
            jobs.append(functools.partial(self._team.saved, self.state.step))
        if jobs:
            self._saver.submit(*jobs)
        if stopping and (self.state.step < self.schedule.steps or self.state.owed):
            self._saver.wait()
            self._team.agreed_to_stop = True
            raise KeyboardInterrupt

    def _save_at_rest(self) -> None:
        step = self._saver.save_at_rest(self.rhythm.keep_checkpoints)
        if step is not None:
            self._team.saved(step)

    def _log(self, metrics, progress):
        state = self.state
        mean = state.unlogged_loss / state.unlogged_steps
        figures = progress.report(state.step, mean, self.schedule.rate_after(state.step - 1))
        watched = {name: float(value) for name, value in self._watched.items()}
        self._watched = {}
        metrics.write(state.step, TRAIN, **figures, **watched)
        told = state.step >= self._began_at + STEPS_OF_A_PACE and state.step < self.schedule.steps
        if self._on_pace and "tokens_per_s" in figures and told:
            self._on_pace(self.learner.recipe.batch_size * self._context_length / figures["tokens_per_s"])
            self._on_pace = None
        state.unlogged_loss, state.unlogged_steps = 0.0, 0

    def _go_back(self, trouble: Trouble, metrics, progress) -> None:
        """Puts everything back to the checkpoint before it.

        Raises:
            UserError: There is none, or it was tried often enough.
        """
        rate = self.schedule.rate_after(trouble.last_step - 1)
        self.state = restored = self._guard.go_back(trouble, self.state, self.rhythm.checkpoint_every, rate)
        self.learner.share()
        metrics.go_back(restored, trouble)
        progress.go_back(restored.step)
        progress.note(
            f"{trouble}: back to the checkpoint of step {restored.step:,}, and on from there without the "
            f"{trouble.last_step - restored.step:,} batches up to step {trouble.last_step:,} (try {restored.tries})"
        )
