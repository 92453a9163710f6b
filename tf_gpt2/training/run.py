"""From novels to a model directory: what `python -m tf_gpt2.train` and `tf_gpt2.train_model` do."""

import dataclasses
import logging
import math
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from tf_gpt2 import runtime
from tf_gpt2.corpus.report import format_report
from tf_gpt2.corpus.script import is_alphabetic
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.plan import (
    TrainingOptions,
    plan_recipe,
    plan_rhythm,
    plan_schedule,
    plan_steps,
    planned_minutes,
    steps_in,
)
from tf_gpt2.training.resuming import open_run_directory

log = logging.getLogger(__name__)
# Longest corpus for which the bigram baseline is counted at the end, in tokens: it takes memory by the pair.
_BASELINE_TOKENS = 50_000_000
_SCRIPT_SAMPLE_TOKENS = 20_000


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a training left.

    Attributes:
        run_dir: The run directory, which is a model directory.
        steps: Steps done in all.
        best_step: The step whose weights were kept; 0 without validation.
        validation_loss: Their loss on the held-out text in nats per token; None without validation.
        validation_loss_per_character: The same per character.
        bigram_loss_per_character: What an interpolated bigram reaches there; None where it was not counted.
    """

    run_dir: pathlib.Path
    steps: int
    best_step: int
    validation_loss: float | None
    validation_loss_per_character: float | None
    bigram_loss_per_character: float | None


def train_model(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    run_dir: str | os.PathLike = "runs/demo",
    **options: Any,
) -> TrainingResult:
    """Trains a GPT-2 on novels, or goes on with a training that was stopped.

    Args:
        corpus: Files, folders or globs; None for the sample corpus, which is fetched once.
        run_dir: Directory for everything the run leaves: model, checkpoints, metrics.
        **options: Fields of `tf_gpt2.training.plan.TrainingOptions`.

    Raises:
        UserError: An option is out of range, a text cannot be read, `run_dir` holds another run, or a full disk.
        KeyboardInterrupt: The user asked to stop; a checkpoint has been saved; the same call goes on from there.
    """
    asked = TrainingOptions(**options)
    prepared = prepare_corpus(
        corpus,
        **asked.vocabulary,
        encoding=asked.encoding,
        script=asked.script,
        validation_fraction=asked.validation_fraction,
        tokenizer=Tokenizer.load(asked.init_from) if asked.init_from else None,
    )
    log.info(format_report(prepared.report))
    _advise_tokenizer(asked, prepared)
    runtime.prepare_training()
    return _train(asked, prepared, run_dir)


def _advise_tokenizer(asked: TrainingOptions, prepared: PreparedCorpus) -> None:
    """Says so when text in an alphabet is to be read character by character."""
    if asked.tokenizer is not None or asked.init_from is not None:
        return
    if is_alphabetic(prepared.tokenizer.decode(prepared.train_tokens[:_SCRIPT_SAMPLE_TOKENS].tolist())):
        log.info(
            "note: this text is written in an alphabet, for which pieces of words serve better than characters: "
            "take the tokenizer bpe, or name characters if you mean them"
        )


def _train(asked: TrainingOptions, prepared: PreparedCorpus, run_dir) -> TrainingResult:
    from tf_gpt2.training.devices import local_devices  # TensorFlow is imported from here on
    from tf_gpt2.training.gpt2 import GPT2Keeper, starting_model, trained_variables
    from tf_gpt2.training.learner import Learner
    from tf_gpt2.training.loop import Trainer, training_batches

    devices = local_devices()
    with devices.scope():
        model, config = starting_model(asked, prepared.tokenizer)
        recipe = plan_recipe(asked, config)
        learner = Learner(model, recipe, trained_variables(model, recipe))
    log.info(
        f"model: {config.num_layers} layers, width {config.hidden_dim}, {config.num_heads} heads, context "
        f"{config.context_length}: {config.num_parameters:,} parameters on {devices.description}"
    )

    def resolve(stored: dict | None) -> dict:
        """What training.json records; settles the number of steps."""
        minutes = planned_minutes(asked)
        if minutes is None:
            steps = plan_steps(asked, recipe, len(prepared.train_tokens), config.context_length)
        elif stored is not None:  # timed when the run began
            steps = stored.get("training", {}).get("steps", 1)
        else:
            log.info("compiling and timing the training step")
            batches = training_batches(prepared, learner, config.context_length)
            seconds = learner.seconds_per_step(batches, plan_schedule(asked, 1000).learning_rate)
            steps = steps_in(minutes, seconds)
            log.info(f"{seconds:.3f} s a step: {steps:,} steps in {minutes:g} minutes")
        return {
            "model": dataclasses.asdict(config),
            "training": {**dataclasses.asdict(plan_schedule(asked, steps)), **dataclasses.asdict(recipe)},
            "corpus": {
                "prepared": prepared.folder.name,
                "books": [book.title for book in prepared.report.books],
                "train_tokens": len(prepared.train_tokens),
                "validation_tokens": len(prepared.validation_tokens),
            },
            "init_from": {"folder": asked.init_from},
            "environment": runtime.describe_environment(devices.description),
        }

    opened = open_run_directory(run_dir, resolve, resume=asked.resume)
    for change in opened.environment_changes:
        log.info(f"{change}: speed and last digits may differ")
    steps = opened.configuration["training"]["steps"]
    trainer = Trainer(
        run_dir,
        learner,
        prepared,
        plan_schedule(asked, steps),
        plan_rhythm(asked, steps),
        context_length=config.context_length,
        keeper=GPT2Keeper(
            run_dir, model, config, prepared.tokenizer, sample_prompt=asked.sample_prompt, seed=asked.seed
        ),
    )
    if trainer.restore():
        if trainer.state.step >= steps:
            raise UserError(
                f"`run_dir`={run_dir} holds a finished run of {steps} steps; choose another `run_dir`, or "
                "fine-tune from it with `init_from`"
            )
        log.info(f"going on from step {trainer.state.step:,}")
    try:
        trainer.train()
    except KeyboardInterrupt:
        if trainer.state.step:
            log.info(f"stopped at step {trainer.state.step:,}, which is saved; the same command goes on from there")
        raise
    return _summarise(trainer, prepared)


def _summarise(trainer, prepared: PreparedCorpus) -> TrainingResult:
    """Says how good the model became, beside a baseline that knows only pairs of characters."""
    from tf_gpt2.evaluation.bigram import bigram_cross_entropy

    state, run_dir = trainer.state, trainer.run_dir
    result = TrainingResult(run_dir, state.step, state.best_step, None, None, None)
    if not math.isfinite(state.best_validation_loss):
        trainer.keep_model()
        log.info(f"no validation was asked for; the model is in {run_dir}")
        return result
    per_character = (len(prepared.validation_tokens) - 1) / prepared.validation_characters
    loss = state.best_validation_loss
    log.info(
        f"validation loss {loss * per_character:.3f} nats per character "
        f"(at step {state.best_step:,}; {loss:.3f} per token)"
    )
    baseline = None
    if len(prepared.train_tokens) <= _BASELINE_TOKENS:
        vocabulary_size = prepared.tokenizer.vocab_size
        nats = bigram_cross_entropy(prepared.train_tokens, prepared.validation_tokens, vocabulary_size)
        baseline = nats * per_character
        log.info(f"interpolated bigram on the same split: {baseline:.3f} nats per character")
    log.info(f"the model is in {run_dir}; write with: python -m tf_gpt2.sample --run_dir={run_dir}")
    return dataclasses.replace(
        result,
        validation_loss=loss,
        validation_loss_per_character=loss * per_character,
        bigram_loss_per_character=baseline,
    )
