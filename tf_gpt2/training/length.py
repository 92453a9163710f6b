"""How long a run is: what the user asks for, by steps, epochs or the clock, and what a run that began has left.

Plain values, no TensorFlow.
"""

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from tf_gpt2.data.counts import windows_per_epoch
from tf_gpt2.errors import UserError
from tf_gpt2.training import recipes
from tf_gpt2.training.effort import EVENING, EVENING_MINUTES, THOROUGH
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_schedule
from tf_gpt2.training.settings import Recipe, Schedule

MEASURES = ("steps", "epochs", "minutes")
# Fields of training.json, section "training", that a run may change on its way.
LENGTH_FIELDS = ("steps", "minutes", "changed_at", "changed_from", "former")
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Length:
    """How long a run is.

    Attributes:
        schedule: Its steps and their learning rates.
        minutes: What the steps were planned from; 0 where the clock decided nothing.
    """

    schedule: Schedule
    minutes: float = 0.0


def plan_length(
    options: TrainingOptions,
    recipe: Recipe,
    num_tokens: int,
    window: int,
    seconds_per_step: Callable[[], float],
    stored: Mapping[str, Any] | None = None,
    done: int = 0,
) -> Length:
    """Settles the length of a run, a new one or one that began.

    Args:
        options: What the user asks for; a run that began keeps its length where that is nothing.
        recipe: The recipe.
        num_tokens: Tokens to train on.
        window: Tokens of a window.
        seconds_per_step: Times the step; called only when the answer needs it.
        stored: Section `training` of the training.json of a run that began; None for a new run.
        done: Steps done; 0 too where a kill came before the first checkpoint.

    Raises:
        UserError: The run asked for is shorter than what is done.
    """
    if stored is None or "steps" not in stored:
        minutes = planned_minutes(options)
        if minutes is None:
            return Length(plan_schedule(options, plan_steps(options, recipe, num_tokens, window)))
        return Length(plan_schedule(options, _timed_steps(minutes, seconds_per_step())), minutes)
    former = _stored_length(options, stored, done)
    steps, minutes = _asked_for(options, recipe, num_tokens, window, seconds_per_step, former)
    if steps == former.schedule.steps:
        return former
    if steps <= done:
        measure = next(name for name in MEASURES if getattr(options, name) is not None)
        raise UserError(
            f"`{measure}`={getattr(options, measure):g} is a run of {steps:,} steps, and {done:,} are done; give "
            "more, or leave it out"
        )
    if not done:
        _log.info(f"the run was to have {former.schedule.steps:,} steps and now has {steps:,}; none is saved yet")
        return Length(dataclasses.replace(former.schedule, steps=steps), minutes)
    schedule = former.schedule.changed(steps, done)
    _log.info(
        f"the run had {former.schedule.steps:,} steps and now has {steps:,}, of which {done:,} are done; the "
        f"optimizer's state is kept, and the learning rate goes from {schedule.changed_from:.2e} to "
        f"{schedule.rate_after(done + schedule.ramp_steps):.2e} in {schedule.ramp_steps:,} steps and then down "
        "along the new length's cosine"
    )
    return Length(schedule, minutes)


def _stored_length(options: TrainingOptions, stored: Mapping[str, Any], done: int) -> Length:
    planned = plan_schedule(options, stored["steps"], stored)
    warmup = planned.warmup_steps if options.warmup_steps is not None else stored.get("warmup_steps")
    schedule = dataclasses.replace(
        planned,
        warmup_steps=planned.warmup_steps if warmup is None else warmup,
    )
    if done:  # a run at its very beginning has had no other length
        former = stored.get("former")
        schedule = dataclasses.replace(
            schedule,
            changed_at=stored.get("changed_at", 0),
            changed_from=stored.get("changed_from", 0.0),
            former=None if former is None else Schedule.of(former),
        )
    return Length(schedule, stored.get("minutes", 0.0))


def _asked_for(options, recipe, num_tokens, window, seconds_per_step, former) -> tuple[int, float]:
    if options.steps is not None or options.epochs is not None:
        return plan_steps(options, recipe, num_tokens, window), 0.0
    if options.minutes is None or options.minutes == former.minutes:
        return former.schedule.steps, former.minutes
    if former.minutes:  # as fast as it was when it began, so that half as long again is half as many again
        return max(1, round(former.schedule.steps * options.minutes / former.minutes)), options.minutes
    return _timed_steps(options.minutes, seconds_per_step()), options.minutes


def planned_minutes(options: TrainingOptions) -> float | None:
    """How long to train, where time decides the number of steps; None where something else does."""
    untold = all(getattr(options, name) is None for name in MEASURES)
    if untold and options.effort in (EVENING, THOROUGH):
        return EVENING_MINUTES
    if untold and options.init_from is None:
        return recipes.MINUTES.get(options.preset_name)
    return options.minutes


def steps_in(minutes: float, seconds_per_step: float) -> int:
    """Steps that fit into a time."""
    return max(1, round(minutes * 60 / seconds_per_step))


def _timed_steps(minutes: float, seconds: float) -> int:
    steps = steps_in(minutes, seconds)
    _log.info(f"{seconds:.3f} s a step: {steps:,} steps in {minutes:g} minutes")
    return steps


def plan_steps(options: TrainingOptions, recipe: Recipe, num_tokens: int, window: int) -> int:
    """Steps where no time decides: the user's number, or epochs over `num_tokens` training tokens."""
    if options.steps is not None:
        return options.steps
    epochs = recipes.DEFAULT_EPOCHS if options.epochs is None else options.epochs
    return max(1, math.ceil(epochs * windows_per_epoch(num_tokens, window) / recipe.batch_size))
