"""Going back: from losses that lead nowhere to the checkpoint before them, and on from there with other text.

As for PaLM (Chowdhery et al. 2022, section 5.1): training restarts at a checkpoint before the spike, and the
batches from there to the spike's end are left out. Which checkpoint, and how many batches, follows from the losses
alone, so a run that is killed meanwhile does the same again.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import DamagedCheckpoint
from tf_gpt2.run_directory import checkpoint_path, checkpoint_steps
from tf_gpt2.training.background import BackgroundWriter
from tf_gpt2.training.checkpoints import restore_checkpoint
from tf_gpt2.training.distributed.team import Team
from tf_gpt2.training.state import LoopState, Trouble, watch

MOST_ROLLBACKS = 3


class Guard:
    """Looks at the losses of a run, and takes it back where they lead nowhere.

    Args:
        folder: The run's checkpoints, which the chief reads.
        variables: Gives the variables that they hold.
        writer: What writes them, perhaps at this moment.
        most: How often it goes back at one place.
        team: The processes that train together.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        variables: Callable[[], list],
        writer: BackgroundWriter,
        most: int,
        team: Team,
    ):
        self._folder, self._variables, self._writer = folder, variables, writer
        self._most, self._team = most, team

    def look_at(self, state: LoopState, losses: Sequence) -> Trouble | None:
        """Counts the losses of the steps up to the present one, and returns the trouble that they are.

        One by one: a resumed run has the same sum to the bit.
        """
        first = state.step - len(losses) + 1
        for step, loss in enumerate(map(float, losses), first):
            trouble = watch(state, step, loss)
            if trouble is not None:
                if not self._bears(trouble):
                    return trouble
                state.grow_used_to(loss)
            state.count(loss)
        return None

    def go_back(self, trouble: Trouble, state: LoopState, every: int, learning_rate: float) -> LoopState:
        """Puts the chief's variables back to the newest checkpoint that is good, and removes those after it.

        Args:
            trouble: What happened.
            state: The loop's; the text that is to come goes on after the trouble.
            every: Steps between checkpoints; one that an interruption made besides is the second choice, for a run
                that was not interrupted has none.
            learning_rate: That of the last step.

        Returns:
            The loop's state from there on.

        Raises:
            UserError: There is no such checkpoint, or it was tried often enough.
        """
        self._writer.wait()
        stored = self._team.from_chief(lambda: self._restore(trouble, every)) if state.tries < self._most else None
        if stored is None:
            raise _no_way_on(trouble, state.tries, learning_rate)
        return _after(trouble, state, LoopState.of(stored))

    def _restore(self, trouble: Trouble, every: int) -> dict[str, Any] | None:
        before = _good_checkpoints(trouble, self._folder)
        for step in sorted(before, key=lambda step: (bool(every) and step % every == 0, step), reverse=True):
            try:
                stored = restore_checkpoint(self._folder, step, self._variables())
            except DamagedCheckpoint:
                continue
            for later in checkpoint_steps(self._folder):
                if later > step:
                    checkpoint_path(self._folder, later).unlink(missing_ok=True)
            return dataclasses.asdict(LoopState.of(stored))
        return None

    def _bears(self, trouble: Trouble) -> bool:
        """Whether it goes on all the same: the loss only rose, and there is nothing to go back to."""
        if not math.isfinite(trouble.loss):
            return False
        self._writer.wait()
        good = self._team.from_chief(lambda: _good_checkpoints(trouble, self._folder))
        return not (self._most and good)


def _good_checkpoints(trouble: Trouble, folder: str | os.PathLike) -> list[int]:
    """Steps of the checkpoints after which a loss was as usual: what one holds shows only in the next loss."""
    return [step for step in checkpoint_steps(folder) if step + 1 < trouble.first_step]


def _after(trouble: Trouble, state: LoopState, stored: LoopState) -> LoopState:
    """The state of a checkpoint, with what the run has learned since."""
    stored.skipped_batches = state.skipped_batches + trouble.last_step - stored.step
    stored.rollbacks, stored.tries = state.rollbacks + 1, state.tries + 1
    stored.trouble_step = max(state.trouble_step, trouble.last_step)
    if state.best_validation_loss < stored.best_validation_loss:  # the model directory holds that one
        stored.best_validation_loss, stored.best_step = state.best_validation_loss, state.best_step
        stored.best_is_average = state.best_is_average
    return stored


def _no_way_on(trouble: Trouble, tries: int, learning_rate: float) -> UserError:
    """The error of a run that cannot go on: its loss is not finite, or rises again and again."""
    rule = "stay finite" if not math.isfinite(trouble.loss) else "not rise so far"
    gone_back = f" after going back {tries} time{'s' * (tries != 1)}" if tries else ""
    return UserError(
        f"the loss must {rule}; {trouble} with the learning rate {learning_rate:.2e}{gone_back}. Try a smaller "
        "`learning_rate` or `clip_norm` or more `warmup_steps`; what was saved before is kept"
    )
