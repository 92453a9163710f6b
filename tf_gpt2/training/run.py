"""From novels to a model directory: what `python -m tf_gpt2.train` and `tf_gpt2.train_model` do."""

import dataclasses
import functools
import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NoReturn

from tf_gpt2 import runtime
from tf_gpt2.corpus.report import format_report
from tf_gpt2.corpus.script import is_alphabetic
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import newest_whole_step
from tf_gpt2.run_directory import CHECKPOINTS, CONFIG_FILE, TOKENIZER_FILE
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.length import Length, plan_length
from tf_gpt2.training.lock import RunLock
from tf_gpt2.training.memory import plan_sparing
from tf_gpt2.training.plan import TrainingOptions, plan_recipe, plan_rhythm, plan_schedule
from tf_gpt2.training.resuming import open_run_directory, refuse_what_is_no_run
from tf_gpt2.training.summary import TrainingResult, summarise

log = logging.getLogger(__name__)
_SCRIPT_SAMPLE_TOKENS = 20_000
_LONGEST_TITLES = 8_000_000  # characters in training.json, which is read as a whole


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
    refuse_what_is_no_run(run_dir)
    prepared = prepare_corpus(
        corpus,
        **asked.vocabulary,
        encoding=asked.encoding,
        script=asked.script,
        separator=asked.separator,
        text_field=asked.text_field,
        validation_fraction=asked.validation_fraction,
        test_fraction=asked.test_fraction,
        split_seed=asked.split_seed,
        tokenizer=Tokenizer.load(asked.init_from) if asked.init_from else None,
    )
    log.info(format_report(prepared.report))
    if asked.validation_fraction and not prepared.validation.targets:
        log.info("the texts are too short to hold any of them out: the model is trained without validation")
    _advise_tokenizer(asked, prepared)
    runtime.prepare_training()
    return _train(asked, prepared, run_dir)


def _advise_tokenizer(asked: TrainingOptions, prepared: PreparedCorpus) -> None:
    """Says so when text in an alphabet is to be read character by character."""
    if asked.tokenizer is not None or asked.init_from is not None:
        return
    if is_alphabetic(prepared.tokenizer.decode(prepared.train.tokens[:_SCRIPT_SAMPLE_TOKENS].tolist())):
        log.info(
            "note: this text is written in an alphabet, for which pieces of words serve better than characters: "
            "take the tokenizer bpe, or name characters if you mean them"
        )


def _train(asked: TrainingOptions, prepared: PreparedCorpus, run_dir) -> TrainingResult:
    from tf_gpt2.training.devices import local_devices  # TensorFlow is imported from here on
    from tf_gpt2.training.gpt2 import GPT2Keeper, starting_model, trained_variables
    from tf_gpt2.training.learner import Learner
    from tf_gpt2.training.loop import Trainer, training_batches
    from tf_gpt2.training.originality import originality_probe

    devices = local_devices(asked.precision)
    with devices.scope():
        model, config = starting_model(asked, prepared.tokenizer)
        recipe = plan_recipe(asked, config)
        window = _window(prepared, config)
        learner = Learner(
            model,
            recipe,
            trained_variables(model, recipe),
            sparing=plan_sparing(config, recipe.batch_size // recipe.accumulation_steps, window, asked.remat),
            precision=devices.precision,
        )
    log.info(
        f"model: {config.num_layers} layers, width {config.hidden_dim}, {config.num_heads} heads, context "
        f"{config.context_length}: {config.num_parameters:,} parameters on "
        f"{devices.description} in {devices.precision}"
    )
    length: Length | None = None

    def seconds_per_step() -> float:
        log.info("compiling and timing the training step")
        batches = training_batches(prepared, learner, window)
        return learner.seconds_per_step(batches, plan_schedule(asked, 1000).learning_rate)

    def resolve(stored: dict | None) -> dict:
        """What training.json records; settles the number of steps."""
        nonlocal length
        section = None if stored is None else stored.get("training", {})
        done = newest_whole_step(pathlib.Path(run_dir) / CHECKPOINTS)
        length = plan_length(asked, recipe, len(prepared.train), window, seconds_per_step, section, done)
        computing = {"device": devices.description, "precision": devices.precision, "remat": asked.remat}
        return _configuration(asked, prepared, config, recipe, length, computing)

    with RunLock(run_dir) as lock:
        opened = open_run_directory(run_dir, resolve, resume=asked.resume)
        for change in opened.environment_changes:
            log.info(f"{change}: speed and last digits may differ")
        if not (pathlib.Path(run_dir) / CHECKPOINTS / TOKENIZER_FILE).exists():
            # A checkpoint is to be enough for a model directory.
            prepared.tokenizer.save(pathlib.Path(run_dir) / CHECKPOINTS)
        assert length is not None  # resolved on opening
        schedule = length.schedule
        keeper = GPT2Keeper(
            run_dir, model, config, prepared.tokenizer, sample_prompt=asked.sample_prompt, seed=asked.seed
        )
        probe = None
        if prepared.validation.targets and asked.originality:
            probe = originality_probe(
                prepared,
                prompt=asked.sample_prompt,
                seed=asked.seed,
                wanted=asked.stop_when_copying is not None,
            )
        trainer = Trainer(
            run_dir,
            learner,
            prepared,
            schedule,
            plan_rhythm(asked, schedule.steps),
            context_length=window,
            keeper=keeper,
            check=lock.check,
            originality=functools.partial(keeper.measure, probe) if probe else None,
            stop_when_copying=asked.stop_when_copying,
        )
        if trainer.restore():
            if trainer.state.step >= schedule.steps:
                _refuse_finished(trainer)
            log.info(f"going on from step {trainer.state.step:,}")
        try:
            trainer.train()
        except KeyboardInterrupt:
            if trainer.state.step:
                log.info(
                    f"stopped at step {trainer.state.step:,}, which is saved; the same command goes on from there, "
                    f"and the model so far is in {run_dir}"
                )
            raise
        if trainer.stopped_copying is not None:
            log.info(
                f"stopped at step {trainer.state.step:,}: {100 * trainer.stopped_copying:.1f} % of what the model "
                f"writes is copied, more than `stop_when_copying`={asked.stop_when_copying:g}"
            )
        return summarise(trainer, prepared)


def _window(prepared: PreparedCorpus, config) -> int:
    """Tokens of a window: the context, or what the text has."""
    tokens = len(prepared.train)
    if tokens < 2 or not prepared.train.targets:
        raise UserError("`corpus` must hold at least two tokens to train on; give more text")
    if tokens > config.context_length:
        return config.context_length
    log.info(
        f"the text to train on has {tokens:,} tokens, fewer than the context of {config.context_length:,}: it is "
        f"trained on in windows of {tokens - 1:,}"
    )
    return tokens - 1


def _configuration(asked, prepared, config, recipe, length, computing) -> dict:
    return {
        "model": dataclasses.asdict(config),
        "training": {
            **dataclasses.asdict(length.schedule),
            "minutes": length.minutes,
            **dataclasses.asdict(recipe),
        },
        "corpus": {
            "prepared": prepared.folder.name,
            "books": _titles(prepared),
            **{f"{split}_tokens": len(stream) for split, stream in prepared.streams.items()},
        },
        "init_from": {"folder": asked.init_from},
        "environment": runtime.describe_environment(**computing),
    }


def _titles(prepared: PreparedCorpus) -> list[str]:
    """The titles of the texts, of millions the first ones."""
    titles, left = [], _LONGEST_TITLES
    for book in prepared.report.books:
        left -= len(book.title) + 10
        if left < 0:
            break
        titles.append(book.title)
    return titles


def _refuse_finished(trainer) -> NoReturn:
    """A run with nothing left to do; makes its model directory when a kill left it without."""
    if not (trainer.run_dir / CONFIG_FILE).exists():
        trainer.keep_model()
        log.info(f"the model directory was missing and is made from the checkpoint of step {trainer.state.step:,}")
    raise UserError(
        f"`run_dir`={trainer.run_dir} holds a finished run of {trainer.schedule.steps} steps; give more `steps`, "
        "`epochs` or `minutes` to lengthen it, choose another `run_dir`, or fine-tune from it with `init_from`"
    )
