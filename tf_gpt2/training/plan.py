"""Training policy: what a run does where the user asks for nothing.

Plain values, no TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tf_gpt2.config import GPT2Config
from tf_gpt2.training import recipes
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule

if TYPE_CHECKING:
    from tf_gpt2.training.options import TrainingOptions

_LEAST_BETWEEN_REPORTS = 10  # steps


def plan_recipe(options: TrainingOptions, config: GPT2Config) -> Recipe:
    """The recipe for a model of this shape, as it is likely to be until its length is known (`settled_recipe`)."""
    if options.batch_size is not None:
        batch_size = options.batch_size
    elif options.init_from is None:
        batch_size = recipes.default_batch_size(options.preset_name)
    else:
        batch_size = recipes.fine_tuning_batch_size(config.context_length)
    return recipe_of(options, batch_size)


def recipe_of(options: TrainingOptions, batch_size: int) -> Recipe:
    """The recipe of so many sequences a step."""
    return Recipe(
        batch_size=batch_size,
        accumulation_steps=options.accumulation_steps,
        optimizer=options.optimizer,
        weight_decay=recipes.LEAST_WEIGHT_DECAY if options.weight_decay is None else options.weight_decay,
        **recipes.embedding_defaults(
            recipes.LIKELY_PASSES, options.optimizer, fine_tuning=options.init_from is not None
        ),
        average_width=recipes.AVERAGE_WIDTH if options.average else 0.0,
        multi_token_share=options.multi_token_share or 0.0,
        clip_norm=options.clip_norm,
        seed=options.seed,
        frozen_layers=options.freeze_layers,
        freeze_embeddings=options.freeze_embeddings,
    )


def settled_recipe(
    options: TrainingOptions, recipe: Recipe, passes: float, stored: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe with what follows from the length of the run and from how it began.

    Args:
        options: What the user asks for.
        recipe: The recipe of `plan_recipe`.
        passes: Over the training text.
        stored: Section `training` of a run that began, which keeps what it has where nothing is asked for; one of
            an earlier version has one learning rate and one decay for all.
    """
    fine_tuning = options.init_from is not None
    decay = recipes.default_weight_decay(passes, options.optimizer, fine_tuning=fine_tuning)
    own = recipes.embedding_defaults(passes, options.optimizer, fine_tuning=fine_tuning)
    if stored is not None:
        decay, own = stored.get("weight_decay", decay), {name: stored.get(name, 1.0) for name in own}
    if options.weight_decay is not None:
        decay = options.weight_decay
    return dataclasses.replace(recipe, weight_decay=decay, **own)


def plan_schedule(options: TrainingOptions, steps: int, stored: Mapping[str, Any] | None = None) -> Schedule:
    """The learning rate over `steps`: a twentieth of them is warm-up, at most 500.

    Args:
        options: What the user asks for.
        steps: Of the run.
        stored: Section `training` of a run that began, which keeps its peak where nothing is asked for.
    """
    rate = options.learning_rate
    if rate is None and stored is not None:
        rate = stored.get("learning_rate")
    if rate is None:
        rate = recipes.default_learning_rate(
            options.preset_name, steps, options.optimizer, fine_tuning=options.init_from is not None
        )
    warmup = options.warmup_steps if options.warmup_steps is not None else min(500, steps // 20)
    return Schedule(steps=steps, learning_rate=rate, warmup_steps=warmup)


def plan_rhythm(options: TrainingOptions, steps: int) -> Rhythm:
    """Reports of a run of `steps`: ten validations, four samples (every 100 steps when fine-tuning).

    Of a short run fewer, so that they do not outweigh its steps; whatever the rhythm, the last step has each.
    """
    least = min(_LEAST_BETWEEN_REPORTS, steps)
    sample_every = 100 if options.init_from else max(least, steps // 4)
    return Rhythm(
        log_every=options.log_every,
        eval_every=given(options.eval_every, max(least, steps // 10)),
        sample_every=given(options.sample_every, sample_every),
        checkpoint_every=given(options.checkpoint_every, max(1, min(1000, steps // 10))),
        keep_checkpoints=options.keep_checkpoints,
    )


def given(value: Any, default: Any) -> Any:
    """What is asked for, or else the plan's own."""
    return default if value is None else value
