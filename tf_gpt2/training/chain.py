"""A chain of trainings, each of which learns from the model before it as well as from the text, while that helps.

    RUN_DIR/chain.json          which generations there were, and what was asked for
    RUN_DIR/generations/1, ...  their run directories; what is no longer needed goes
    RUN_DIR/model.safetensors, training.json, ...  the best one's model and records

Born-again networks (Furlanello et al. 2018): students of their teachers' size that become better than these.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json, write_atomically
from tf_gpt2.run_directory import (
    CHAIN_FILE,
    CHECKPOINTS,
    CONFIG_FILE,
    GENERATIONS,
    TEST,
    TRAINING_FILE,
    checkpoint_steps,
    read_metrics,
    shown,
    validated,
)
from tf_gpt2.training.distributed.cluster import cluster_from_environment
from tf_gpt2.training.effort import EVENING_MINUTES, LEAST_GAIN, MAY_DIFFER
from tf_gpt2.training.length import MEASURES
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.resuming import refuse_what_is_no_run
from tf_gpt2.training.settings import MAX_SEED

if TYPE_CHECKING:
    from tf_gpt2.training.summary import TrainingResult

_log = logging.getLogger(__name__)
_MOST_GENERATIONS = 20
# Of a run directory, what only its own training needs.
_NOT_PUBLISHED = ("checkpoints", "tensorboard", "samples")


class RunFinished(UserError):
    """A run that has nothing left to do."""


def refuse_several_machines() -> None:
    """Looks at the environment before anything is read.

    Raises:
        UserError: It names several machines.
    """
    if cluster_from_environment() is not None:
        raise UserError(
            "`effort`=thorough trains in one process; on several machines train the generations one by one, each "
            "with `distill_from` of the one before"
        )


def train_chain(
    corpus: Any,
    run_dir: str | os.PathLike,
    asked: TrainingOptions,
    train: Callable[[Any, pathlib.Path, TrainingOptions], TrainingResult],
) -> TrainingResult:
    """Trains generation after generation until one is not better; goes on where it was stopped.

    Args:
        corpus: As for `train_model`.
        run_dir: Directory of the chain.
        asked: What the user asks for.
        train: Trains or goes on with one run; raises `RunFinished` where it has ended.

    Returns:
        What the best generation came to.

    Raises:
        UserError: As `train_model`; or the directory holds something else.
    """
    chain = _Chain.open(pathlib.Path(run_dir), _described(corpus, asked), resume=asked.resume)
    results: dict[int, TrainingResult] = {}
    while not chain.ended:
        number = chain.next
        chain.save()  # so that the directory is known for a chain's from the start
        _log.info(f"generation {number} of `effort`=thorough, in {chain.folder(number)}")
        try:
            results[number] = train(corpus, chain.folder(number), chain.options(asked, number))
        except RunFinished:
            _log.info(f"generation {number} is trained already")
        chain.add(number)
    best = chain.best
    _log.info(
        f"generation {best} of {len(chain.losses)} is the best, with {chain.losses[best - 1]:.4f} nats per token; "
        f"it is in {run_dir}"
    )
    if not results:
        raise _finished(run_dir)
    return dataclasses.replace(_result_of(results, best, run_dir), run_dir=pathlib.Path(run_dir))


def next_generation(
    corpus: Any, run_dir: str | os.PathLike, asked: TrainingOptions
) -> tuple[pathlib.Path, TrainingOptions]:
    """Where and with which options `train_chain` would go on; leaves everything as it is.

    Args:
        corpus: As for `train_chain`.
        run_dir: As for `train_chain`.
        asked: As for `train_chain`.

    Raises:
        UserError: The directory holds something else, another chain, or one that is finished.
    """
    chain = _Chain.open(pathlib.Path(run_dir), _described(corpus, asked), resume=asked.resume)
    if chain.ended:
        raise _finished(run_dir)
    _log.info(f"generation {chain.next} of `effort`=thorough, in {chain.folder(chain.next)}")
    return chain.folder(chain.next), chain.options(asked, chain.next)


def _finished(run_dir: str | os.PathLike) -> UserError:
    return UserError(f"`run_dir`={run_dir} holds a finished chain; choose another `run_dir` for another")


def _result_of(results: dict[int, TrainingResult], best: int, run_dir: str | os.PathLike) -> TrainingResult:
    """What the best generation came to; one that another process trained is known by its records."""
    if best in results:
        return results[best]
    other, metrics = next(iter(results.values())), read_metrics(run_dir)
    tests = [line.loss for line in metrics.lines if line.split == TEST]
    loss, test_loss = metrics.best_validation_loss, tests[-1] if tests else None
    assert loss and other.validation_loss and other.validation_loss_per_character
    test_per_character = None
    if test_loss and other.test_loss and other.test_loss_per_character:  # each span has its own tokens a character
        test_per_character = test_loss * other.test_loss_per_character / other.test_loss
    return dataclasses.replace(
        other,
        steps=max(line.step for line in metrics.lines),
        best_step=metrics.best_step or 0,
        validation_loss=loss,
        validation_loss_per_character=loss * other.validation_loss_per_character / other.validation_loss,
        test_loss=test_loss,
        test_loss_per_character=test_per_character,
    )


@dataclasses.dataclass
class _Chain:
    """What is known of a chain; `losses` are the generations' best on the held-out text, in nats per token."""

    run_dir: pathlib.Path
    asked: dict
    losses: list[float]
    ended: bool = False

    @classmethod
    def open(cls, run_dir: pathlib.Path, asked: dict, *, resume: bool) -> _Chain:
        """The chain in a directory, a new one where there is nothing.

        Raises:
            UserError: The directory holds something else, or a chain that was asked for otherwise.
        """
        from tf_gpt2.schemas import ChainState

        refuse_what_is_no_run(run_dir)
        path, remedy = run_dir / CHAIN_FILE, "choose another `run_dir`, or remove it"
        if not path.exists():
            if run_dir.is_dir() and (run_dir / TRAINING_FILE).exists():
                raise UserError(f"`effort`=thorough needs a `run_dir` of its own; {run_dir} holds a run; {remedy}")
            return cls(run_dir, asked, [])
        stored = validated(ChainState, read_json(path, remedy=remedy), path, remedy)
        chain = cls(run_dir, asked, list(stored.losses), stored.ended)
        if not chain.begun:  # what failed before its first checkpoint binds nobody to its options
            return chain
        if not resume:
            raise UserError(f"`resume`=False needs a fresh `run_dir`; {run_dir} holds a chain; {remedy}")
        for name, value in asked.items():
            if stored.asked.get(name) != value:
                raise UserError(
                    f"{run_dir} holds a chain with `{name}`={shown(stored.asked.get(name))}, not {shown(value)}; "
                    "give the same to go on with it, or choose another `run_dir`"
                )
        return chain

    @property
    def begun(self) -> bool:
        """Whether something is trained: a generation, or some steps of the first."""
        first = self.folder(1)
        return bool(self.losses or checkpoint_steps(first / CHECKPOINTS)) or (first / CONFIG_FILE).exists()

    @property
    def next(self) -> int:
        """Number of the generation that is to be trained."""
        return len(self.losses) + 1

    @property
    def best(self) -> int:
        """Number of the best generation, the first of equals."""
        return 1 + self.losses.index(min(self.losses))

    def folder(self, number: int) -> pathlib.Path:
        return self.run_dir / GENERATIONS / str(number)

    def options(self, asked: TrainingOptions, number: int) -> TrainingOptions:
        """Those of a generation: a single run with a seed of its own, taught by the one before."""
        teacher = None if number == 1 else (str(self.folder(number - 1)),)
        untold = all(getattr(asked, name) is None for name in MEASURES)
        return dataclasses.replace(
            asked,
            effort=None,
            minutes=EVENING_MINUTES if untold else asked.minutes,
            seed=(asked.seed + number - 1) % (MAX_SEED + 1),
            distill_from=teacher,
            multi_token_share=None if teacher else asked.multi_token_share,
        )

    def add(self, number: int) -> None:
        """Takes a trained generation in: publishes it where it is the best, else the chain ends."""
        loss = read_metrics(self.folder(number)).best_validation_loss
        if loss is None:
            raise UserError(
                "`effort`=thorough needs text held out, by which it decides; give more text or a larger "
                "`validation_fraction`"
            )
        gain = self.losses[-1] - loss if self.losses else float("inf")
        if gain > 0:
            _publish(self.folder(number), self.run_dir)
        self.losses.append(loss)
        self.ended = gain < LEAST_GAIN or number == _MOST_GENERATIONS
        self.save()
        kept = {self.best} if self.ended else {number}
        for former in {number, number - 1} - kept - {0}:
            shutil.rmtree(self.folder(former), ignore_errors=True)
        if number > 1:
            _log.info(f"generation {number} has {loss:.4f} nats per token, {gain:+.4f} better than the one before")

    def save(self) -> None:
        state = {"asked": self.asked, "losses": self.losses, "ended": self.ended}
        write_atomically(self.run_dir / CHAIN_FILE, (json.dumps(state, indent=2) + "\n").encode())


def _described(corpus: Any, asked: TrainingOptions) -> dict:
    """What must be the same when a chain goes on, as JSON values."""
    entries = [] if corpus is None else [corpus] if isinstance(corpus, (str, os.PathLike)) else list(corpus)
    options = {name: value for name, value in dataclasses.asdict(asked).items() if name not in MAY_DIFFER}
    return {"corpus": [os.fspath(entry) for entry in entries], **json.loads(json.dumps(options))}


def _publish(generation: pathlib.Path, run_dir: pathlib.Path) -> None:
    """Copies a generation's model and records, each file whole, the weights last."""
    files = [path for path in generation.iterdir() if path.is_file() and path.name not in _NOT_PUBLISHED]
    for path in sorted(files, key=lambda path: (path.suffix == ".safetensors", path.name)):
        write_atomically(run_dir / path.name, path.read_bytes())
