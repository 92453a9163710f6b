"""How a training ends: what is said of an end before its last step, and of a run that has nothing left to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tf_gpt2.run_directory import CHECKPOINTS, CONFIG_FILE, checkpoint_steps
from tf_gpt2.training.chain import RunFinished
from tf_gpt2.training.options import TrainingOptions

if TYPE_CHECKING:
    from tf_gpt2.training.loop import Trainer

log = logging.getLogger(__name__)


def refuse_ended(trainer: Trainer, asked: TrainingOptions) -> None:
    """Looks at a restored run; makes its model directory when a kill left it without.

    Raises:
        RunFinished: It has nothing left to do.
    """
    state = trainer.state
    finished = state.step >= trainer.schedule.steps and not state.owed
    if not finished and not trainer.validation.ends(state):
        return
    if not (trainer.run_dir / CONFIG_FILE).exists():
        trainer.keep_model()
        log.info(f"the model directory was missing and is made from the checkpoint of step {state.step:,}")
    if trainer.owes_test:
        log.info("what is left to do is to measure the kept model on the test span")
        return
    if not finished:
        if trainer.validation.copies_too_much(state):
            why = f"{100 * state.copied_share:.1f} % of what the model writes is copied"
            remedy = f"`stop_when_copying` above {asked.stop_when_copying:g}"
        else:
            why = f"{state.without_better} validations in a row had no better loss"
            remedy = f"`patience` above {asked.patience}"
        raise RunFinished(
            f"`run_dir`={trainer.run_dir} holds a run that ended at step {state.step:,}: {why}; give a {remedy} or "
            "leave it out to go on, or choose another `run_dir`"
        )
    raise RunFinished(
        f"`run_dir`={trainer.run_dir} holds a finished run of {trainer.schedule.steps} steps; give more `steps`, "
        "`epochs` or `minutes` to lengthen it, choose another `run_dir`, or fine-tune from it with `init_from`"
    )


def say_where_it_stopped(trainer: Trainer) -> None:
    """Says what is left of a training that the user stopped: a second Ctrl-C saves nothing."""
    step, saved = trainer.state.step, checkpoint_steps(trainer.run_dir / CHECKPOINTS)
    if not saved:
        left = "nothing is saved yet, and the same command begins anew"
    elif saved[-1] == step:
        left = "which is saved; the same command goes on from there"
    else:
        left = f"which is not saved; the same command goes on from step {saved[-1]:,}, the newest that is"
    model = f", and the model so far is in {trainer.run_dir}" if (trainer.run_dir / CONFIG_FILE).exists() else ""
    log.info(f"stopped at step {step:,}, {left}{model}")


def say_why_it_ended(trainer: Trainer, asked: TrainingOptions) -> None:
    """Says so when a training ended before its last step."""
    state = trainer.state
    if trainer.validation.copies_too_much(state):
        log.info(
            f"stopped at step {state.step:,}: {100 * state.copied_share:.1f} % of what the model writes is copied, "
            f"more than `stop_when_copying`={asked.stop_when_copying:g}"
        )
    if trainer.validation.out_of_patience(state):
        log.info(
            f"stopped at step {state.step:,}: {state.without_better} validations in a row had no better loss than "
            f"that of step {state.best_step:,}; `patience`={asked.patience}"
        )
