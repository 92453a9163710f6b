"""What a training leaves on the disk on its way: checkpoints, the model, the curve; written in the background."""

import dataclasses
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Protocol

from tf_gpt2.evaluation.curves import write_curves
from tf_gpt2.run_directory import CHECKPOINTS
from tf_gpt2.training.background import BackgroundWriter, Job
from tf_gpt2.training.checkpoints import snapshot_checkpoint
from tf_gpt2.training.state import LoopState


class ModelKeeper(Protocol):
    """Writes the model that is being trained, whatever it is."""

    def save(self) -> None:
        """Writes the model into the run directory."""

    def snapshot(self) -> Job:
        """Copies the model as it stands; what is returned writes the copy, in another thread."""

    def load(self) -> None:
        """Puts the weights of the kept model into the live one."""

    def describe(self) -> dict[str, str]:
        """Metadata that makes a checkpoint enough for a model."""

    def write_sample(self, step: int) -> str:
        """Writes a passage; returns the text to show."""


class Saver(BackgroundWriter):
    """Saves a run.

    Args:
        run_dir: Its directory.
        variables: Gives the variables that a checkpoint holds.
        keeper: Writes the model.
        check: Called before anything is written, to refuse it.

    Attributes:
        at_rest: What to save while reports are made and no variable changes.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike,
        variables: Callable[[], list],
        keeper: ModelKeeper,
        check: Callable[[], None],
    ):
        super().__init__()
        self._run_dir, self._variables, self._keeper, self._check = pathlib.Path(run_dir), variables, keeper, check
        self.at_rest: LoopState | None = None
        self._resting = threading.Lock()

    def submit(self, *jobs: Job) -> None:
        """Has jobs done in their order, each after the check.

        Raises:
            UserError: An earlier job could not be done.
        """
        super().submit(*(self._checked(job) for job in jobs))

    def checkpoint(self, state: LoopState, keep: int) -> list[Job]:
        """Copies what a checkpoint holds, and the model until validation has chosen one; the jobs write it."""
        if state.step > state.trouble_step:
            state.tries = 0
        checkpoint = snapshot_checkpoint(
            self._run_dir / CHECKPOINTS,
            state.step,
            self._variables(),
            dataclasses.asdict(state),
            keep=keep,
            description=self._keeper.describe(),
        )
        return [checkpoint] if state.best_step else [checkpoint, self._keeper.snapshot()]

    def curves(self) -> None:
        """Draws the losses so far."""
        write_curves(self._run_dir)

    def save_at_rest(self, keep: int) -> int | None:
        """Saves from another thread, when a report takes longer than who ends the process will wait.

        Returns:
            The step that is saved; None when no report is made, or it ended meanwhile and variables may change.
        """
        with self._resting:  # a signal to each of several processes asks the first one more than once
            self.close()
            state = self.at_rest
            if state is None:
                return None
            jobs = self.checkpoint(state, keep)
            if self.at_rest is not state:
                return None
            for job in jobs:
                self._checked(job)()
            return state.step

    def _checked(self, job: Job) -> Job:
        def do() -> None:
            self._check()
            job()

        return do
