"""Opening a run directory so that resuming goes on with the same run."""

import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from tf_gpt2.errors import UserError
from tf_gpt2.files import sweep, write_atomically
from tf_gpt2.run_directory import (
    CHAIN_FILE,
    CHECKPOINTS,
    CONFIG_FILE,
    GENERATIONS,
    LOCK_FILE,
    SAMPLES,
    TENSORBOARD,
    TRAINING_FILE,
    checkpoint_steps,
    read_training,
    shorten,
    shown,
    validated,
)
from tf_gpt2.training.length import LENGTH_FIELDS
from tf_gpt2.training.options import TrainingOptions

ENVIRONMENT, CORPUS = "environment", "corpus"
# What a directory may hold that is not yet a run: what is hidden, a run's own folders, and the logs that users and
# schedulers let a command write there: log.txt, nohup.out, slurm-17.out.
_BEARABLE = re.compile(
    rf"\..*|{CHECKPOINTS}|{GENERATIONS}|{SAMPLES}|{TENSORBOARD}|(?i:.*\.(log|out|err)|log.*\.txt|.*log\.txt)",
    re.DOTALL,
)
# What a run from before there was such a section had.
_BEFORE: dict[str, dict] = {"distillation": {"teachers": []}}


@dataclasses.dataclass(frozen=True)
class OpenedRun:
    """A run directory that is ready to train in.

    Attributes:
        configuration: What training.json holds now.
        environment_changes: What of the section `environment` is different from when the run last trained, a phrase
            each: other software and devices give other speed and other last digits, and are no other run.
    """

    configuration: dict
    environment_changes: tuple[str, ...] = ()


def refuse_what_is_no_run(run_dir: str | os.PathLike) -> None:
    """Looks at a directory before anything is written into it.

    Raises:
        UserError: It is a file, or holds a model that no run here made, or anything else but hidden files and logs.
    """
    run_dir = pathlib.Path(run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"`run_dir` must be a directory; {run_dir} is a file")
    if any(os.path.lexists(run_dir / name) for name in (TRAINING_FILE, CHAIN_FILE)):
        return
    if (run_dir / CONFIG_FILE).exists():
        raise UserError(f"`run_dir` must be new or a run of this program; {run_dir} holds another model")
    lock = run_dir / CHECKPOINTS / LOCK_FILE  # what a run makes first, and a kill may leave alone
    if not run_dir.is_dir() or lock.exists():
        return
    others = sorted(name for name in os.listdir(run_dir) if not _BEARABLE.fullmatch(name))
    if others:
        raise UserError(
            f"`run_dir` must be new, empty or a run of this program; {run_dir} holds {shown(others[0])}"
            f"{' and more' if len(others) > 1 else ''}; choose another, for example {run_dir / 'run'}"
        )


def refuse_folder_of_texts(run_dir: str | os.PathLike, corpus: Any) -> None:
    """Looks that a run is not put among the texts, where its samples would be read as some.

    Args:
        run_dir: The directory.
        corpus: Files, folders or globs; None for the sample corpus.

    Raises:
        UserError: The directory is one of the folders.
    """
    entries = [corpus] if isinstance(corpus, (str, os.PathLike)) else list(corpus or ())
    for entry in entries:
        folder = os.path.expanduser(os.fspath(entry))
        if os.path.isdir(folder) and os.path.realpath(folder) == os.path.realpath(run_dir):
            raise UserError(
                f"`run_dir` must not be the folder of the texts; both are {shown(str(entry))}; choose another, "
                f"for example {pathlib.Path(run_dir) / 'run'}"
            )


def has_begun(run_dir: str | os.PathLike) -> bool:
    """Whether a training has left something to go on with: a checkpoint, or a model before the first checkpoint.

    From then on the run is the one in training.json, whose length it keeps.
    """
    run_dir = pathlib.Path(run_dir)
    return bool(checkpoint_steps(run_dir / CHECKPOINTS)) or (run_dir / CONFIG_FILE).exists()


def refuse_chain(run_dir: str | os.PathLike) -> None:
    """Looks that a single run is not put into the directory of a chain.

    Raises:
        UserError: It is one.
    """
    if (pathlib.Path(run_dir) / CHAIN_FILE).exists():
        raise UserError(
            f"`run_dir`={run_dir} holds a chain of trainings; give `effort`=thorough to go on with it, or choose "
            "another `run_dir`"
        )


def open_run_directory(
    run_dir: str | os.PathLike, resolve: Callable[[dict | None], dict], *, resume: bool
) -> OpenedRun:
    """Creates a run directory or opens one to go on; removes what killed processes left half-written in it.

    Args:
        run_dir: The directory.
        resolve: Called with the stored configuration, or None in a new directory; returns the configuration
            (JSON values by section) that is asked for.
        resume: Whether going on with a run is allowed.

    Raises:
        UserError: The directory holds another run, a damaged one, a model that no run here made, or cannot be
            written.
    """
    for folder in (run_dir, pathlib.Path(run_dir) / CHECKPOINTS, pathlib.Path(run_dir) / SAMPLES):
        sweep(folder)
    opened, stored = _look(run_dir, resolve, resume)
    if opened.configuration != stored:
        write_atomically(pathlib.Path(run_dir) / TRAINING_FILE, json_bytes(opened.configuration) + b"\n")
    return opened


def json_bytes(value: Any) -> bytes:
    """A value as training.json has it."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace")


def look_at_run(run_dir: str | os.PathLike, resolve: Callable[[dict | None], dict], *, resume: bool) -> OpenedRun:
    """As `open_run_directory`, and leaves everything as it is."""
    return _look(run_dir, resolve, resume)[0]


def _look(run_dir, resolve, resume) -> tuple[OpenedRun, dict | None]:
    """The run as it is to be, and the configuration that is stored."""
    from tf_gpt2.schemas import Training

    refuse_what_is_no_run(run_dir)
    run_dir = pathlib.Path(run_dir)
    stored = read_training(run_dir)
    wanted = json.loads(json.dumps(resolve(stored)))
    validated(Training, wanted, "the configuration asked for", "give other values")
    changes: tuple[str, ...] = ()
    if stored is not None:
        started = has_begun(run_dir)
        if started and not resume:
            raise UserError(
                f"`resume`=False needs a fresh `run_dir`; {run_dir} holds a run. Choose another or remove it"
            )
        if started:
            _check_same_run(run_dir, stored, wanted)
            changes = tuple(
                f"{section}.{field} is {_both(*values)}"
                for section, field, *values in _unlike(stored, wanted, [ENVIRONMENT])
            )
    return OpenedRun(wanted, changes), stored


def _check_same_run(run_dir, stored, wanted):
    differences = list(_in_the_users_words({**_BEFORE, **stored}, wanted))
    if differences:
        raise UserError(
            shorten(f"{run_dir} holds a run of another configuration ({'; '.join(differences[:3])}); ", 400)
            + "choose another `run_dir`, or give the same values to go on with it"
        )


def _in_the_users_words(stored, wanted) -> Iterator[str]:
    """How the run asked for is another one: what was asked for, not the hashes and counts that follow from it."""
    sections = [section for section in stored if section not in (ENVIRONMENT, CORPUS)]
    unlike = {field: values for _, field, *values in _unlike(stored, wanted, [CORPUS])}
    if "books" in unlike:
        yield f"its texts are {_both(*unlike['books'])}"
    elif unlike:
        yield "its texts, or how they are read and cut into tokens and held out, are not these"
    for section, field, *values in _unlike(stored, wanted, sections):
        if field == "teachers":
            yield "the models of `distill_from` are not these"
        elif section == "init_from":
            yield f"`init_from` is {_both(*values)}"
        elif field in LENGTH_FIELDS or (unlike and field == "vocabulary_size"):  # the texts decide that
            continue
        else:
            asked = field in TrainingOptions.__dataclass_fields__
            yield f"{f'`{field}`' if asked else f'{section}.{field}'} is {_both(*values)}"


def _unlike(stored, wanted, sections) -> Iterator[tuple[str, str, Any, Any]]:
    """What both have recorded in these sections, and differently."""
    for section in sections:
        if isinstance(stored.get(section), dict) and section in wanted:
            for field, old in stored[section].items():
                if wanted[section].get(field) != old:
                    yield section, field, old, wanted[section].get(field)


def _both(old: Any, new: Any) -> str:
    return f"{shown(old)} there and {shown(new)} here"
