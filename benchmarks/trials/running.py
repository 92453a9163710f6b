"""Runs a trial: each training in a process of its own, so that nothing of one is left for the next."""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.trials import passages
from benchmarks.trials.corpora import BOOKS, Books, files_of, prepared_of
from benchmarks.trials.plan import LONG, OURS, Trial
from benchmarks.workers import ROOT, run_command
from tf_gpt2.config import preset_config
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.evaluation.runs import FINISHED, run_facts
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.run_directory import TRAIN, VALIDATION, read_metrics, training_facts
from tf_gpt2.training.options import TrainingOptions

_VALIDATIONS = 20
_PATIENCE = 5  # validations without a better one that end the rival's long trainings
_SHAPE = ("num_layers", "num_heads", "hidden_dim", "context_length")
Row = list[float]


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Where trials are run.

    Attributes:
        places: Folders of books by the option that names them.
        work: Runs of ours stay here, so that a stopped one goes on.
        rival_python: Interpreter with PyTorch.
    """

    places: dict[str, pathlib.Path | None]
    work: pathlib.Path
    rival_python: str


def run(trial: Trial, shop: Workshop) -> dict[str, Any]:
    """Trains, writes and judges; returns what goes into the record."""
    prepared = prepared_of(trial.books, shop.places)
    load, begin = os.getloadavg()[0], time.perf_counter()
    train = _train_ours if trial.who == OURS else _train_rival
    command, curve, texts, figures = train(trial, prepared, shop)
    best = min(curve, key=lambda row: row[2])
    held_out = prepared.validation
    return {
        "books": trial.books,
        "who": trial.who,
        "group": trial.group,
        "recipe": trial.recipe,
        "seed": trial.seed,
        "steps": trial.steps,
        "settings": dict(trial.settings),
        "command": shown(command, {**shop.places, "work": shop.work, "prepared": prepared.folder}),
        "commit": commit(ROOT),
        "date": datetime.date.today().isoformat(),
        "cpu_cores": usable_cores(),
        "machine": f"{platform.machine()}, load {load:.1f} before",
        **figures,
        "nats_per_token": best[2],
        "nats_per_character": best[2] * held_out.targets / held_out.characters,
        "tokens": curve[-1][0],
        "seconds": curve[-1][1],
        "wall_seconds": time.perf_counter() - begin,
        **passages.judged(prepared, texts),
        "curve": curve,
    }


def known_here(trial: Trial) -> str | None:
    """Why a trial cannot be asked for in this checkout; None where it can."""
    options = TrainingOptions.__dataclass_fields__
    unknown = [name for name in trial.settings if trial.who == OURS and name not in options]
    return f"this checkout has no option {unknown[0]}" if unknown else None


def usable_cores() -> int | None:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def commit(folder: pathlib.Path) -> str:
    """The commit of a checkout, with a mark where files differ from it."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def shown(command: list[str], folders: Mapping[str, pathlib.Path | None]) -> str:
    """A command without the paths of this machine: the names of folders in their place."""
    text = " ".join(["python", *command[1:]])
    for name, folder in folders.items():
        text = text.replace(str(folder), name.upper()) if folder else text
    return text


def _train_ours(trial, prepared, shop):
    run_dir = shop.work / trial.name
    command = our_command(trial, BOOKS[trial.books], files_of(trial.books, shop.places), run_dir)
    if not (run_dir.exists() and run_facts(run_dir).state == FINISHED):  # a stop after it would come to this
        run_command(command)
    return command, curve_of_run(run_dir), passages.of_run(run_dir), {}


def our_command(trial: Trial, books: Books, files: list[str], run_dir: pathlib.Path) -> list[str]:
    """The product's own command for a trial."""
    flags = {"preset": books.preset, "seed": trial.seed, "sample_every": 0, **books.reading}
    if trial.steps is not None:
        flags |= {"steps": trial.steps, "batch_size": books.batch_size}
        flags["eval_every"] = max(1, trial.steps // _VALIDATIONS)
    flags |= {"corpus": ",".join(files)} if files else {}
    given = [f"--{name}={value}" for name, value in {**flags, **trial.settings}.items()]
    return [sys.executable, "-m", "tf_gpt2.train", f"--run_dir={run_dir}", *given]


def curve_of_run(run_dir: pathlib.Path) -> list[Row]:
    """Tokens seen, seconds of steps and loss at each validation of a run of ours, from what it left."""
    stored = training_facts(run_dir)
    of_a_step = stored.training.batch_size * min(stored.model.context_length, stored.corpus.train_tokens - 1)
    rows, before, seconds = [], 0, 0.0
    for line in read_metrics(run_dir).lines:
        rate = (line.model_extra or {}).get("tokens_per_s")
        if line.split == TRAIN and rate:
            seconds += (line.step - before) * of_a_step / rate
            before = line.step
        elif line.split == VALIDATION:
            rows.append([line.step * of_a_step, seconds, line.loss])
    return rows


def _train_rival(trial, prepared: PreparedCorpus, shop):
    command = rival_command(trial, BOOKS[trial.books], prepared, shop.rival_python)
    found = json.loads(run_command(command).splitlines()[-1])
    texts = [prepared.tokenizer.decode(ids, skip_special_tokens=True) for ids in found["passages"]]
    return (
        command,
        found["curve"],
        texts,
        {name: found[name] for name in ("parameters", "torch", "device", "threads")},
    )


def rival_command(trial: Trial, books: Books, prepared: PreparedCorpus, python: str) -> list[str]:
    """The rival's command for a trial."""
    return [python, "-m", "benchmarks.peers.nanogpt.train", *rival_arguments(trial, books, prepared)]


def rival_arguments(trial: Trial, books: Books, prepared: PreparedCorpus) -> list[str]:
    """The rival's options for a trial: our tokens, our shape, our writing; the rest is its own."""
    shape = preset_config(books.preset, prepared.tokenizer.vocab_size)
    usual = GenerationSettings()
    flags = {
        **{name: getattr(shape, name) for name in _SHAPE},
        "corpus": prepared.folder,
        "vocabulary_size": shape.vocabulary_size,
        "batch_size": books.batch_size,
        "steps": trial.steps,
        "eval_every": max(1, trial.steps // _VALIDATIONS),
        "seed": trial.seed,
        "first_token": prepared.tokenizer.end_of_text_id,
        "passages": passages.PASSAGES,
        "passage_tokens": passages.PASSAGE_TOKENS,
        "temperature": usual.temperature,
        "top_k": usual.top_k,
        **({"patience": _PATIENCE} if trial.group == LONG else {}),
        **trial.settings,
    }
    return [f"--{name}={value}" for name, value in flags.items()]
