"""From novels to a model directory: what `python -m tf_gpt2.train` and `tf_gpt2.train_model` do."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tf_gpt2.corpus.report import format_report
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.run_directory import CHECKPOINTS, TOKENIZER_FILE
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.advice import advice
from tf_gpt2.training.chain import next_generation, refuse_several_machines, train_chain
from tf_gpt2.training.distributed.joining import explained, join_team, open_devices
from tf_gpt2.training.distributed.team import Team
from tf_gpt2.training.effort import THOROUGH
from tf_gpt2.training.ending import refuse_ended, say_where_it_stopped, say_why_it_ended
from tf_gpt2.training.lock import RunLock
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_rhythm
from tf_gpt2.training.preflight import Preflight
from tf_gpt2.training.refusals import refuse_without_texts
from tf_gpt2.training.resuming import (
    look_at_run,
    open_run_directory,
    refuse_chain,
    refuse_folder_of_texts,
    refuse_what_is_no_run,
)
from tf_gpt2.training.settings import Recipe, Schedule
from tf_gpt2.training.sizes import fitted
from tf_gpt2.training.summary import TrainingResult, summarise
from tf_gpt2.training.teachers import look_for_teachers

if TYPE_CHECKING:
    from tf_gpt2.training.devices import Devices

log = logging.getLogger(__name__)


def train_model(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    run_dir: str | os.PathLike = "runs/demo",
    **options: Any,
) -> TrainingResult:
    """Trains a GPT-2 on novels, or goes on with a training that was stopped.

    Args:
        corpus: Files, folders or globs; None for the sample corpus, which is fetched once.
        run_dir: Directory for everything the run leaves: model, checkpoints, metrics.
        **options: Fields of `tf_gpt2.training.options.TrainingOptions`.

    Raises:
        UserError: An option is out of range, a text cannot be read, `run_dir` holds another run, or a full disk.
        KeyboardInterrupt: The user asked to stop; a checkpoint has been saved, unless the user asked a second time
            meanwhile; the same call goes on from the newest one.
    """
    asked = TrainingOptions(**options)
    if asked.effort == THOROUGH:
        refuse_several_machines()
        _refuse_place(corpus, run_dir)
        prepared = _read(asked, corpus)
        refuse_without_texts(asked, prepared)
        asked = fitted(asked, prepared.report)
        return train_chain(corpus, run_dir, asked, _train_one)
    return _train_one(corpus, run_dir, asked)


def _train_one(corpus, run_dir, asked: TrainingOptions) -> TrainingResult:
    refuse_chain(run_dir)
    with join_team(asked.wait_for_workers) as team:
        prepared = _prepare(asked, corpus, run_dir)
        if team.is_chief:
            refuse_without_texts(asked, prepared)
        asked = fitted(asked, prepared.report)
        devices = open_devices(asked, prepared, team)
        with explained(team):
            return _train(asked, prepared, run_dir, devices, team)


def preflight(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    run_dir: str | os.PathLike = "runs/demo",
    *,
    by_xla: bool = False,
    **options: Any,
) -> Preflight:
    """What is known of a training before it begins, from some of its steps too; the run directory stays as it is.

    Args:
        corpus: As for `train_model`.
        run_dir: As for `train_model`; a run that is there is gone on with.
        by_xla: Give the memory of the step by XLA's own account instead of the process's; for a process that has
            computed nothing before and ends after it.
        **options: As for `train_model`.

    Raises:
        UserError: As for `train_model`.
    """
    asked = TrainingOptions(**options)
    if asked.effort == THOROUGH:
        refuse_several_machines()
    else:
        refuse_chain(run_dir)
    prepared = _prepare(asked, corpus, run_dir)
    refuse_without_texts(asked, prepared)
    asked = fitted(asked, prepared.report)
    if asked.effort == THOROUGH:
        run_dir, asked = next_generation(corpus, run_dir, asked)
    with tempfile.TemporaryDirectory() as folder:
        devices = open_devices(asked, prepared, Team(), memory_to=folder if by_xla else None)
        from tf_gpt2.training.setup import set_up  # TensorFlow is imported from here on

        setup = set_up(asked, prepared, devices, Team())
        setup.account = pathlib.Path(folder)
        look_at_run(run_dir, functools.partial(setup.settle, run_dir), resume=asked.resume)
        setup.time_step()
        return setup.preflight(run_dir)


def _refuse_place(corpus, run_dir) -> None:
    refuse_folder_of_texts(run_dir, corpus)
    refuse_what_is_no_run(run_dir)


def _read(asked: TrainingOptions, corpus) -> PreparedCorpus:
    tokenizer = Tokenizer.load(asked.init_from) if asked.init_from else None
    return prepare_corpus(corpus, **asked.preparation, tokenizer=tokenizer)


def _prepare(asked: TrainingOptions, corpus, run_dir) -> PreparedCorpus:
    """Reads the corpus, and says what is in it."""
    _refuse_place(corpus, run_dir)
    look_for_teachers(asked.distill_from or ())
    prepared = _read(asked, corpus)
    log.info(format_report(prepared.report))
    if asked.validation_fraction and not prepared.validation.targets:
        log.info("the texts are too short to hold any of them out: the model is trained without validation")
    for note in advice(asked, prepared):
        log.info(f"note: {note}")
    return prepared


def _train(
    asked: TrainingOptions, prepared: PreparedCorpus, run_dir, devices: Devices, team: Team
) -> TrainingResult:
    from tf_gpt2.training.distributed.followers import Follower  # TensorFlow is imported from here on
    from tf_gpt2.training.gpt2 import GPT2Keeper
    from tf_gpt2.training.loop import Trainer
    from tf_gpt2.training.originality import originality_probe
    from tf_gpt2.training.setup import set_up

    setup = set_up(asked, prepared, devices, team)

    def open_run() -> dict[str, Any]:
        opened = open_run_directory(run_dir, functools.partial(setup.settle, run_dir), resume=asked.resume)
        for change in opened.environment_changes:
            log.info(f"{change}: speed and last digits may differ")
        if not (pathlib.Path(run_dir) / CHECKPOINTS / TOKENIZER_FILE).exists():
            # A checkpoint is to be enough for a model directory.
            prepared.tokenizer.save(pathlib.Path(run_dir) / CHECKPOINTS)
        return {"schedule": dataclasses.asdict(setup.length.schedule), "recipe": dataclasses.asdict(setup.recipe)}

    with RunLock(run_dir) if team.is_chief else contextlib.nullcontext() as lock:
        settled = team.from_chief(open_run, setup.time_step)
        schedule = Schedule.of(settled["schedule"])
        setup.follow(Recipe(**settled["recipe"]))
        keeper: Any = Follower()
        if team.is_chief:
            keeper = GPT2Keeper(
                run_dir,
                setup.learner.model,
                setup.config,
                prepared.tokenizer,
                sample_prompt=asked.sample_prompt,
                seed=asked.seed,
            )
        average = setup.learner.average
        average_keeper = keeper
        if team.is_chief and average is not None:
            average_keeper = GPT2Keeper(run_dir, average.model, setup.config, prepared.tokenizer)
        probe = None
        if prepared.validation.targets and asked.originality and team.is_chief:
            probe = originality_probe(
                prepared,
                prompt=asked.sample_prompt,
                seed=asked.seed,
                wanted=asked.stop_when_copying is not None,
            )

        def originality(kept: Any) -> dict[str, float]:
            return team.from_chief(lambda: kept.measure(probe) if probe else {})

        trainer = Trainer(
            run_dir,
            setup.learner,
            prepared,
            schedule,
            plan_rhythm(asked, schedule.steps),
            context_length=setup.window,
            keeper=keeper,
            check=lock.check if lock else lambda: None,
            average_keeper=average_keeper,
            originality=originality,
            stop_when_copying=asked.stop_when_copying,
            patience=asked.patience,
            most_rollbacks=asked.rollbacks,
            on_pace=functools.partial(setup.tell_pace, run_dir) if team.is_chief else None,
            team=team,
        )
        if trainer.restore():
            refuse_ended(trainer, asked)
            log.info(f"going on from step {trainer.state.step:,}")
        if team.is_chief:
            log.info(setup.preflight(run_dir).table())
        try:
            trainer.train()
        except KeyboardInterrupt:
            say_where_it_stopped(trainer)
            raise
        say_why_it_ended(trainer, asked)
        return summarise(trainer, prepared)
