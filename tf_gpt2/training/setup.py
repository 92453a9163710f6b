"""What a training consists of, built and not begun: model, recipe, compiled steps, length, and its preflight."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tf_gpt2 import runtime
from tf_gpt2.config import GPT2Config
from tf_gpt2.data.counts import windows_per_epoch
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.files import LARGEST_JSON
from tf_gpt2.formats.training_checkpoint import newest_whole_step
from tf_gpt2.model import build_model
from tf_gpt2.run_directory import CHECKPOINTS
from tf_gpt2.training import recipes
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.devices import Devices
from tf_gpt2.training.distillation import TeachersLoss
from tf_gpt2.training.distributed.joining import check_batch
from tf_gpt2.training.distributed.team import Team
from tf_gpt2.training.gpt2 import starting_model, trained_variables
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.length import Length, plan_length
from tf_gpt2.training.machine import device_memory, most_memory_taken, xla_account
from tf_gpt2.training.memory import estimated_bytes, fitting_parts, plan_sparing, state_bytes
from tf_gpt2.training.multi_token import MultiTokenLoss
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe, plan_rhythm, plan_schedule, settled_recipe
from tf_gpt2.training.preflight import Preflight, free_disk, run_bytes
from tf_gpt2.training.resuming import has_begun, json_bytes
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.teachers import Teacher, answers_of, open_teachers

log = logging.getLogger(__name__)
_FLOAT = 4
# Characters and bytes that titles take in training.json, which is read as a whole and holds more than these. Both
# count: a run goes on only with as many titles as it began with.
_LONGEST_TITLES, _LARGEST_TITLES = 8_000_000, LARGEST_JSON - (2 << 20)
# Steps of which a time is made; fewer where they take long.
_TIMED_STEPS, _TIMED_SECONDS = 12, 10.0


@dataclasses.dataclass
class Setup:
    """A training that could begin.

    Attributes:
        asked: What the user asks for.
        prepared: The corpus.
        devices: What computes.
        config: The model's shape.
        recipe: The recipe.
        window: Tokens of a window.
        learner: The model with its optimizer and steps.
        team: The processes that train together.
        seconds_per_step: Of the steps that were timed; None before.
        compile_seconds: Of the first of them; None before.
        teachers: The models that it learns from, beside the text.
        account: Folder where XLA writes down what its programs take; None where it does not.
    """

    asked: TrainingOptions
    prepared: PreparedCorpus
    devices: Devices
    config: GPT2Config
    recipe: Recipe
    window: int
    learner: Learner
    team: Team
    seconds_per_step: float | None = None
    compile_seconds: float | None = None
    account: pathlib.Path | None = None
    teachers: Sequence[Teacher] = ()
    done: int = 0
    _length: Length | None = None

    @property
    def length(self) -> Length:
        """How long the run is, once that is settled."""
        if self._length is None:
            raise RuntimeError("the length of a run must be settled first: call settle")
        return self._length

    def time_step(self) -> float:
        """Seconds of a step, from real ones; nothing changes by them."""
        if self.seconds_per_step is None:
            self.team.ask()  # a step is a step of all
            log.info("compiling and timing the training step")
            batches = training_batches(self.prepared, self.learner, self.window)
            rate = plan_schedule(self.asked, 1000).learning_rate
            self.seconds_per_step = self.learner.seconds_per_step(batches, rate, _TIMED_STEPS, _TIMED_SECONDS)
            self.compile_seconds = self.learner.compile_seconds
        return self.seconds_per_step

    def settle(self, run_dir: str | os.PathLike, stored: Mapping[str, Any] | None) -> dict:
        """Settles the number of steps, by the clock too; returns what training.json is to record.

        Args:
            run_dir: The run's directory.
            stored: What training.json holds there; None for a new run.
        """
        section = stored.get("training", {}) if stored is not None and has_begun(run_dir) else None
        self.done = newest_whole_step(pathlib.Path(run_dir) / CHECKPOINTS)
        tokens = len(self.prepared.train)
        self._length = plan_length(self.asked, self.recipe, tokens, self.window, self.time_step, section, self.done)
        passes = self._length.schedule.steps * self.recipe.batch_size / windows_per_epoch(tokens, self.window)
        self.follow(settled_recipe(self.asked, self.recipe, passes, section))
        return self._configuration(self._length)

    def follow(self, recipe: Recipe) -> None:
        """Takes the recipe that the length of the run and its beginning settle."""
        self.learner.follow(recipe)
        self.recipe = recipe

    def _configuration(self, length: Length) -> dict:
        prepared, devices = self.prepared, self.devices
        return {
            "model": dataclasses.asdict(self.config),
            "training": {
                **dataclasses.asdict(length.schedule),
                "minutes": length.minutes,
                **dataclasses.asdict(self.recipe),
            },
            "corpus": {
                "prepared": prepared.folder.name,
                "books": _titles(prepared),
                **{f"{split}_tokens": len(stream) for split, stream in prepared.streams.items()},
            },
            "init_from": {"folder": self.asked.init_from},
            "distillation": {
                "teachers": sorted(teacher.digest for teacher in self.teachers),
                **({"share": recipes.TEACHERS_SHARE} if self.teachers else {}),
            },
            "environment": runtime.describe_environment(
                device=devices.description,
                precision=devices.precision,
                remat=self.asked.remat,
                parts=str(self.learner.parts),
            ),
        }

    def tell_pace(self, run_dir: str | os.PathLike, seconds_per_step: float) -> None:
        """Says what only real steps show, as soon as the training's own first ones have shown it."""
        if self.seconds_per_step is None:
            self.seconds_per_step = seconds_per_step
            log.info(self.preflight(run_dir).first_steps())

    def preflight(self, run_dir: str | os.PathLike) -> Preflight:
        """What is known now."""
        state = self._state_bytes
        steps = self.length.schedule.steps
        rhythm = plan_rhythm(self.asked, steps)
        parts = self.learner.parts
        return Preflight(
            config=self.config,
            recipe=self.recipe,
            rhythm=rhythm,
            steps=steps,
            done=self.done,
            window=self.window,
            parts=parts,
            train_tokens=len(self.prepared.train),
            validation_tokens=len(self.prepared.validation),
            device=self.devices.description,
            precision=self.devices.precision,
            state_bytes=state,
            memory=device_memory(),
            disk_bytes=run_bytes(_FLOAT * self.config.num_parameters, state, rhythm.keep_checkpoints),
            disk_free=free_disk(run_dir),
            **self._of_the_step(parts),
        )

    @property
    def _state_bytes(self) -> int:
        return state_bytes(self.config, self.recipe.optimizer, average=self.learner.average is not None)

    def _of_the_step(self, parts: int) -> dict[str, Any]:
        """Its memory and time: what the timed steps have shown, else an estimate."""
        rows = self.learner.rows
        estimate = _needed(self.asked, self.config, self.window, self.devices.precision, parts, rows)
        if self.seconds_per_step is None:
            return {"step_bytes": estimate}
        found = {"seconds_per_step": self.seconds_per_step, "compile_seconds": self.compile_seconds}
        by_xla, taken = xla_account(self.account), most_memory_taken()
        if by_xla is not None:
            if parts > 1:  # its moments are the other program's
                by_xla += self._state_bytes - _FLOAT * self.config.num_parameters
            elif self.learner.average is not None:
                by_xla += _FLOAT * self.config.num_parameters
            return {**found, "step_bytes": by_xla, "measured": "XLA"}
        if taken is not None:
            return {**found, "step_bytes": taken, "measured": "measured"}
        return {**found, "step_bytes": estimate}


def _objective(model, recipe, sparing, *, taught):
    """What is minimised where it is not the next token's loss alone."""
    if taught:
        return TeachersLoss(model, recipes.TEACHERS_SHARE, sparing)
    return MultiTokenLoss(model, recipe.multi_token_share, sparing) if recipe.multi_token_share else None


def set_up(asked: TrainingOptions, prepared: PreparedCorpus, devices: Devices, team: Team) -> Setup:
    """Builds a training.

    Raises:
        UserError: A model cannot be opened, a device lacks what is asked for, or the text is too short.
    """
    with devices.scope():
        model, config = starting_model(asked, prepared.tokenizer)
        teachers = open_teachers(asked.distill_from or (), prepared.tokenizer, config.vocabulary_size)
        # They read the text when the first batch is made: by then a run that cannot go on with them is refused.
        beside = functools.cache(functools.partial(answers_of, teachers, prepared)) if teachers else None
        recipe = plan_recipe(asked, config)
        check_batch(recipe, devices.count)
        window = _window(prepared, config)
        needed = functools.partial(_needed, asked, config, window, devices.precision)
        share = recipe.batch_size // devices.count
        parts = team.from_chief(lambda: fitting_parts(share, recipe.accumulation_steps, needed, device_memory()))
        sparing = plan_sparing(config, share // parts, window, asked.remat)
        learner = Learner(
            model,
            recipe,
            trained_variables(model, recipe),
            _objective(model, recipe, sparing, taught=beside is not None),
            sparing=sparing,
            beside=beside,
            precision=devices.precision,
            parts=parts,
            replicas=devices.replicas,
            average=build_model(config) if recipe.average_width and prepared.validation.targets else None,
        )
    return Setup(asked, prepared, devices, config, recipe, window, learner, team, teachers=teachers)


def _needed(asked: TrainingOptions, config: GPT2Config, window: int, precision: str, parts: int, rows: int) -> int:
    """About the bytes of a step that computes a batch in parts of so many rows."""
    sparing = plan_sparing(config, rows, window, asked.remat)
    gradients = _FLOAT * config.num_parameters * (1 if parts == 1 else 2)  # summed over the parts too
    kept = estimated_bytes(config, rows, window, sparing, half=precision != "float32")
    return state_bytes(config, asked.optimizer, average=asked.average) + gradients + kept


def _window(prepared: PreparedCorpus, config: GPT2Config) -> int:
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


def _titles(prepared: PreparedCorpus) -> list[str]:
    """The titles of the texts, of millions the first ones."""
    titles, left, room = [], _LONGEST_TITLES, _LARGEST_TITLES
    for book in prepared.report.books:
        left -= len(book.title) + 10
        room -= len(json_bytes(book.title)) + 8  # indented, on a line of its own
        if min(left, room) < 0:
            break
        titles.append(book.title)
    return titles
