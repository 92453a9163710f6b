"""What runs came to, read from their directories alone, damaged ones too; without TensorFlow."""

import contextlib
import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Sequence

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.file_system import try_lock
from tf_gpt2.run_directory import (
    CHECKPOINTS,
    CONFIG_FILE,
    EARLY_END,
    LOCK_FILE,
    METRICS_FILE,
    TEST,
    TRAIN,
    TRAINING_FILE,
    VALIDATION,
    WEIGHTS_FILE,
    Metrics,
    checkpoint_path,
    checkpoint_steps,
    read_metrics,
    read_training,
    training_facts,
)

FINISHED, STOPPED, RUNNING, DAMAGED = "finished", "stopped", "running", "damaged"
_DEEPEST = 3  # folders below one that is named


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """A run, as far as its directory tells; None where it does not.

    Attributes:
        run_dir: The directory.
        state: "running" while a training has it, else "finished", "stopped", or "damaged": it cannot be gone on
            with nor written with.
        parameters: Of the model.
        steps: Steps done.
        planned_steps: Steps in all.
        tokens: Tokens seen.
        seconds: Of the steps, without reports.
        validation_loss: The best, in nats per token.
        test_loss: The kept model's on text that no decision read.
        copied_share: Of what the kept model wrote, what stands in the training text.
        metrics: All its figures.
    """

    run_dir: pathlib.Path
    state: str
    parameters: int | None = None
    steps: int | None = None
    planned_steps: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    validation_loss: float | None = None
    test_loss: float | None = None
    copied_share: float | None = None
    metrics: Metrics = Metrics()

    def figures(self) -> dict:
        """As JSON values by name, without the lines of the metrics."""
        named = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**named, "run_dir": str(self.run_dir), "metrics": None} | {"lines": len(self.metrics.lines)}


def find_runs(places: Sequence[str | os.PathLike]) -> list[pathlib.Path]:
    """Run directories among folders and below them, each once.

    Raises:
        UserError: A place is no folder.
    """
    found: dict[pathlib.Path, None] = {}
    for place in map(pathlib.Path, places):
        if not place.is_dir():
            raise UserError(f"`run_dir` must be a folder with runs; {place} is none; name another")
        found |= dict.fromkeys(_below(place, _DEEPEST))
    return list(found)


def _below(folder: pathlib.Path, depth: int) -> Iterable[pathlib.Path]:
    if os.path.lexists(folder / TRAINING_FILE) or os.path.lexists(folder / METRICS_FILE):
        yield folder
    elif depth:
        with contextlib.suppress(OSError):
            for entry in sorted(folder.iterdir()):
                if entry.is_dir() and not entry.is_symlink():
                    yield from _below(entry, depth - 1)


def run_facts(run_dir: str | os.PathLike) -> RunFacts:
    """Reads what a run came to."""
    folder = pathlib.Path(run_dir)
    metrics, training = read_metrics(folder), training_facts(folder)
    section, kept = training.training, metrics.best_step
    steps = max([line.step for line in metrics.lines if line.split == TRAIN], default=None)
    batch, length = section.batch_size, training.model.context_length
    a_step = None if batch is None or length is None else batch * _window(length, training.corpus.train_tokens)
    tests = [line.loss for line in metrics.lines if line.split == TEST]
    copied = [
        (line.model_extra or {}).get("copied_share")
        for line in metrics.lines
        if line.split == VALIDATION and line.step == kept
    ]
    return RunFacts(
        folder,
        _state(folder, metrics, steps, section.steps),
        parameters=_parameters(training.model.model_dump()),
        steps=steps,
        planned_steps=section.steps,
        tokens=None if a_step is None or steps is None else a_step * steps,
        seconds=_seconds(metrics, a_step),
        validation_loss=metrics.best_validation_loss,
        test_loss=tests[-1] if tests else None,
        copied_share=copied[-1] if copied else None,
        metrics=metrics,
    )


def sorted_runs(runs: Iterable[RunFacts]) -> list[RunFacts]:
    """The best validation loss first; those without one last, by name."""

    def key(run: RunFacts):
        return (math.inf if run.validation_loss is None else run.validation_loss, str(run.run_dir))

    return sorted(runs, key=key)


def _window(context_length, train_tokens):
    return context_length if train_tokens is None else max(1, min(context_length, train_tokens - 1))


def _parameters(shape: dict) -> int | None:
    known = {name: value for name, value in shape.items() if value is not None}
    fields = {field.name for field in dataclasses.fields(GPT2Config)}
    if not fields <= set(known):
        return None
    try:
        return GPT2Config(**{name: known[name] for name in fields}).num_parameters
    except UserError:
        return None


def _seconds(metrics: Metrics, tokens_of_a_step: int | None) -> float | None:
    """Time of the steps: each line's from the tokens since the one before, and their rate."""
    total, before = 0.0, 0
    for line in metrics.lines:
        if line.split != TRAIN:
            continue
        rate = (line.model_extra or {}).get("tokens_per_s")
        if rate and tokens_of_a_step and line.step > before:
            total += (line.step - before) * tokens_of_a_step / rate
        before = line.step
    return total or None


def _state(folder: pathlib.Path, metrics: Metrics, steps: int | None, planned: int | None) -> str:
    if _is_locked(folder / CHECKPOINTS / LOCK_FILE):
        return RUNNING
    try:
        stored = read_training(folder)
    except UserError:
        return DAMAGED
    if stored is None or not (_has_checkpoint(folder) or _has_model(folder)):
        return DAMAGED
    ended_early = bool(metrics.lines) and any(line.split == EARLY_END for line in metrics.lines[-2:])
    return FINISHED if ended_early or (planned is not None and (steps or 0) >= planned) else STOPPED


def _is_locked(path: pathlib.Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return try_lock(descriptor) is False
    finally:
        os.close(descriptor)


def _has_checkpoint(folder: pathlib.Path) -> bool:
    steps = checkpoint_steps(folder / CHECKPOINTS)
    return any(_opens(checkpoint_path(folder / CHECKPOINTS, step)) for step in reversed(steps))


def _has_model(folder: pathlib.Path) -> bool:
    return (folder / CONFIG_FILE).is_file() and _opens(folder / WEIGHTS_FILE)


def _opens(path: pathlib.Path) -> bool:
    """Whether a safetensors file is as long as its header says; its checksum is not computed."""
    import safetensors

    if not path.is_file():
        return False
    try:
        with safetensors.safe_open(path, framework="numpy"):
            return True
    except (safetensors.SafetensorError, OSError, ValueError):
        return False
