"""Going back: from losses that lead nowhere to the checkpoint before them, and on from there with other text.

As for PaLM (Chowdhery et al. 2022, section 5.1): training restarts at a checkpoint before the spike, and the
batches from there to the spike's end are left out. Which checkpoint, and how many batches, follows from the losses
alone, so a run that is killed meanwhile does the same again.
"""

import math
import os

from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import DamagedCheckpoint
from tf_gpt2.run_directory import checkpoint_path, checkpoint_steps
from tf_gpt2.training.checkpoints import restore_checkpoint
from tf_gpt2.training.state import LoopState, Trouble

MOST_ROLLBACKS = 3


def good_checkpoints(trouble: Trouble, folder: str | os.PathLike) -> list[int]:
    """Steps of the checkpoints after which a loss was as usual: what one holds shows only in the next loss."""
    return [step for step in checkpoint_steps(folder) if step + 1 < trouble.first_step]


def restored_before(
    trouble: Trouble, folder: str | os.PathLike, variables: list, state: LoopState, every: int
) -> LoopState | None:
    """Puts the variables back to the newest checkpoint that is good, and removes those after it.

    Args:
        trouble: What happened.
        folder: The run's checkpoints.
        variables: What they hold.
        state: The loop's; the text that is to come goes on after the trouble.
        every: Steps between checkpoints; one that an interruption made besides is the second choice, for a run that
            was not interrupted has none.

    Returns:
        The loop's state from there on; None when there is no such checkpoint.
    """
    before = good_checkpoints(trouble, folder)
    for step in sorted(before, key=lambda step: (bool(every) and step % every == 0, step), reverse=True):
        try:
            stored = LoopState.of(restore_checkpoint(folder, step, variables))
        except DamagedCheckpoint:
            continue
        for later in checkpoint_steps(folder):
            if later > step:
                checkpoint_path(folder, later).unlink(missing_ok=True)
        stored.skipped_batches = state.skipped_batches + trouble.last_step - step
        stored.rollbacks, stored.tries = state.rollbacks + 1, state.tries + 1
        stored.trouble_step = max(state.trouble_step, trouble.last_step)
        if state.best_validation_loss < stored.best_validation_loss:  # the model directory holds that one
            stored.best_validation_loss, stored.best_step = state.best_validation_loss, state.best_step
        return stored
    return None


def no_way_on(trouble: Trouble, tries: int, learning_rate: float) -> UserError:
    """The error of a run that cannot go on: its loss is not finite, or rises again and again."""
    rule = "stay finite" if not math.isfinite(trouble.loss) else "not rise so far"
    gone_back = f" after going back {tries} time{'s' * (tries != 1)}" if tries else ""
    return UserError(
        f"the loss must {rule}; {trouble} with the learning rate {learning_rate:.2e}{gone_back}. Try a smaller "
        "`learning_rate` or `clip_norm` or more `warmup_steps`; what was saved before is kept"
    )
