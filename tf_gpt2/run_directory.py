"""A run directory: the names of its files, and their readers.

training.json    resolved configuration: model, recipe, corpus, environment
metrics.jsonl    figures, a line per logged step
tensorboard/     the same for TensorBoard
loss.html, loss.png  the curve of the losses
samples/         passages written on the way
checkpoints/     what resuming needs
config.json, model.safetensors, tokenizer.json, tokenizer_config.json, generation_config.json
                 the model directory: the best model so far by validation loss

schemas.py says what each of them holds. Where resuming needs the truth a damaged file is refused; where a card only
shows facts, the damaged ones are left out, and that is said once in the log.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import os
import pathlib
import re
from typing import TYPE_CHECKING, Any

from tf_gpt2.errors import UserError, shorten
from tf_gpt2.files import read_json

if TYPE_CHECKING:
    from tf_gpt2.schemas import MetricsLine, Schema, Training

TRAINING_FILE = "training.json"
METRICS_FILE = "metrics.jsonl"
TENSORBOARD = "tensorboard"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
CHAIN_FILE, GENERATIONS = "chain.json", "generations"  # of a chain of trainings, which has runs of its own
LOCK_FILE = ".lock"  # in it; locked while a training runs
CURVE_PAGE, CURVE_PICTURE = "loss.html", "loss.png"
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
GENERATION_CONFIG_FILE = "generation_config.json"

TRAIN, TEST = "train", "test"
VALIDATION = "validation"  # the split in metrics.jsonl whose loss decides which model is kept
# What no split is said of: from this step on other text, after going back; the training ended before its last step.
ROLLBACK, EARLY_END = "rollback", "early_end"
_CHECKPOINT = re.compile(r"step-(\d{8})\.safetensors")
_LONGEST_LINE = 1 << 16  # bytes; a line of ours has some 150
_LONGEST_VALUE = 60
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Metrics:
    """The figures of a run.

    Attributes:
        lines: Those lines of metrics.jsonl that are whole, in their order.
        best_validation_loss: Least loss on the held-out text, in nats per token; None without a validation.
        best_step: The first step that had it, whose weights the model directory holds.
        best_is_average: Whether these are the average of the weights.
    """

    lines: tuple[MetricsLine, ...] = ()
    best_validation_loss: float | None = None
    best_step: int | None = None
    best_is_average: bool = False


def read_metrics(run_dir: str | os.PathLike) -> Metrics:
    """Reads metrics.jsonl; a line that is damaged, as a killed process leaves the last one, is left out alone."""
    from tf_gpt2.schemas import MetricsLine

    path = pathlib.Path(run_dir) / METRICS_FILE
    lines, damaged = [], 0
    for line in _raw_lines(path):
        try:
            lines.append(MetricsLine.model_validate(json.loads(line)))
        except (ValueError, RecursionError):  # pydantic's error and JSON's are ValueErrors
            damaged += 1
    if damaged:
        _say_once(f"{path}: {damaged} damaged line{'s' * (damaged != 1)} left out")
    validations = [line for line in lines if line.split == VALIDATION]
    if not validations:
        return Metrics(tuple(lines))
    best = min(validations, key=lambda line: (line.loss, line.step))
    beside = best.model_extra or {}
    averaged = "average_loss" in beside and beside["average_loss"] < beside.get("weights_loss", best.loss)
    return Metrics(tuple(lines), best.loss, best.step, averaged)


def has_line(run_dir: str | os.PathLike, step: int, split: str) -> bool:
    """Whether metrics.jsonl has a whole line of this split at this step."""
    return any((line.step, line.split) == (step, split) for line in read_metrics(run_dir).lines)


def _raw_lines(path):
    """Lines of any bytes, however long; none when the file cannot be read."""
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                if line.strip():
                    yield line
    except OSError as error:
        _say_once(f"{path} cannot be read ({error.strerror or error}); its figures are left out")


def read_training(run_dir: str | os.PathLike) -> dict | None:
    """Reads training.json to go on with its run: JSON values by section; None when there is none.

    Raises:
        UserError: It is damaged.
    """
    from tf_gpt2.schemas import Training

    path = pathlib.Path(run_dir) / TRAINING_FILE
    if not os.path.lexists(path):
        return None
    remedy = "choose another `run_dir`, or put a whole copy of the file there"
    stored = read_json(path, remedy=remedy)
    validated(Training, stored, path, remedy)
    return stored


def training_facts(run_dir: str | os.PathLike) -> Training:
    """Reads training.json for a card: what it lacks, or what is damaged, is None."""
    from tf_gpt2.schemas import Training

    return _tolerant(Training, pathlib.Path(run_dir) / TRAINING_FILE)


def read_generation_config(folder: str | os.PathLike) -> dict[str, Any]:
    """Those fields of generation_config.json that are used here and have a value of their type."""
    from tf_gpt2.schemas import GenerationConfig

    return _tolerant(GenerationConfig, pathlib.Path(folder) / GENERATION_CONFIG_FILE).model_dump(exclude_unset=True)


def validated(schema: type[Schema], value: Any, source: object, remedy: str) -> Any:
    """Checks a JSON value by its schema and returns it typed.

    Args:
        schema: A class of schemas.py.
        value: The JSON value.
        source: Where it was read, for the message.
        remedy: What to do when it is damaged.

    Raises:
        UserError: It is not what the schema asks for.
    """
    import pydantic

    try:
        return schema.model_validate(value)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise UserError(shorten(f"{source}: {_rule(first)}; received {shown(first['input'])}; {remedy}")) from None


def shown(value: object) -> str:
    """A value for a message, on one line, cut when it is long."""
    try:
        return shorten(ascii(value) if isinstance(value, bytes) else repr(value), _LONGEST_VALUE)
    except ValueError:  # an integer of more digits than Python writes
        return "a very long number"


def checkpoint_path(folder: str | os.PathLike, step: int) -> pathlib.Path:
    """The file of a step's checkpoint in `folder`."""
    return pathlib.Path(folder) / f"step-{step:08d}.safetensors"


def checkpoint_steps(folder: str | os.PathLike) -> list[int]:
    """Steps for which `folder` holds a checkpoint, ascending."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for entry in folder.iterdir() if (match := _CHECKPOINT.fullmatch(entry.name)))


def sample_path(run_dir: str | os.PathLike, step: int) -> pathlib.Path:
    """The file of the passage written at a step."""
    return pathlib.Path(run_dir) / SAMPLES / f"step-{step:08d}.txt"


def _tolerant(schema, path):
    """What of a JSON file fits the schema, whose fields may all be missing."""
    import pydantic

    try:
        value = read_json(path, remedy="its facts are left out") if path.is_file() else {}
    except UserError as error:
        _say_once(str(error))
        value = {}
    while True:
        try:
            return schema.model_validate(value)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            _say_once(shorten(f"{path}: {_rule(first)}; received {shown(first['input'])}; it is left out"))
            if first["loc"]:
                _drop(value, first["loc"])
            else:  # the object itself, for a key that is no text
                value = {}


def _drop(value: Any, location: tuple) -> None:
    """Removes the innermost field of an object on the way to `location`: of a list with one damaged entry, all."""
    holder, name = value, location[0]
    for step, following in zip(location, location[1:], strict=False):
        inner = holder[step]
        if not isinstance(inner, dict) or following not in inner:
            break
        holder, name = inner, following
    del holder[name]


def _rule(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "the file"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{shorten(name, _LONGEST_VALUE)} {message if message.startswith('must') else f'must be {message}'}"


@functools.cache
def _say_once(message: str) -> None:
    _log.warning("%s", shorten(message))
