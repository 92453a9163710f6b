"""A checkpoint of a training: a safetensors file of every variable of model and optimizer, whole or refused.

Its metadata holds the step, what the loop remembers (`state`), what the model is (`model`: the shape, and which of
the tensors is which weight by Hugging Face's name) and a checksum over all of this, so that no flipped bit is
trained on.
"""

import contextlib
import dataclasses
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.files import write_tensors
from tf_gpt2.formats.weights import HEAD, tensor_shapes
from tf_gpt2.run_directory import checkpoint_path, checkpoint_steps, shorten, validated

CHECKSUM = "crc32"


class DamagedCheckpoint(UserError):
    """The file is not what was written; an older checkpoint may be whole."""


def write_checkpoint(path: str | os.PathLike, tensors: Mapping[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Writes a checkpoint with its checksum.

    Raises:
        UserError: The file cannot be written.
    """
    write_tensors(path, tensors, {**metadata, CHECKSUM: _checksum(metadata, tensors, tensors.__getitem__)})


@contextlib.contextmanager
def open_checkpoint(path: str | os.PathLike) -> Iterator[Any]:
    """Opens a checkpoint whose checksum is right, as `safetensors.safe_open` does.

    Raises:
        DamagedCheckpoint: The file cannot be read, or what it holds is not what was written.
    """
    import safetensors

    if not os.path.isfile(path):  # a pipe would be waited for
        raise DamagedCheckpoint(f"{path} is damaged (it is no file); delete it")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            stored = metadata.pop(CHECKSUM, None)
            # Checkpoints of older versions have none.
            if stored is not None and stored != _checksum(metadata, file.keys(), file.get_tensor):
                raise DamagedCheckpoint(f"{path} is damaged: its checksum is wrong; delete it")
            yield file
    except UserError:
        raise
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedCheckpoint(f"{path} is damaged ({shorten(str(error), 200)}); delete it") from None


def _checksum(metadata, names, tensor) -> str:
    checksum = zlib.crc32(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(names):
        array = np.ascontiguousarray(tensor(name))
        checksum = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), checksum)
        checksum = zlib.crc32(array.reshape(-1).view(np.uint8).data, checksum)
    return f"{checksum:08x}"


def newest_whole_step(folder: str | os.PathLike) -> int:
    """The step of the newest checkpoint in `folder` that is whole; 0 when none is."""
    for step in reversed(checkpoint_steps(folder)):
        try:
            with open_checkpoint(checkpoint_path(folder, step)):
                return step
        except DamagedCheckpoint:
            continue
    return 0


def describe_model(config: GPT2Config, keys: Mapping[str, str]) -> dict[str, str]:
    """Metadata that makes a checkpoint enough for a model: its shape, and tensor keys by Hugging Face name."""
    return {"model": json.dumps({"config": dataclasses.asdict(config), "weights": dict(keys)})}


def checkpoint_model(folder: str | os.PathLike, step: int) -> tuple[GPT2Config, dict[str, np.ndarray]]:
    """The model of the checkpoint of a step: its shape, and float32 weights by Hugging Face name.

    Raises:
        UserError: The file is damaged, or holds no model.
    """
    from tf_gpt2.schemas import CheckpointModel

    path = checkpoint_path(folder, step)
    with open_checkpoint(path) as file:
        stored = json.loads((file.metadata() or {})["model"])
        model = validated(CheckpointModel, stored, f"{path} is damaged: its model", "delete it")
        config = GPT2Config(**model.config.model_dump())
        if set(model.weights) != set(tensor_shapes(config)):
            raise DamagedCheckpoint(f"{path} is damaged: it lacks weights of its model; delete it")
        weights = {name: file.get_tensor(key) for name, key in model.weights.items()}
    if HEAD in weights:  # Keras keeps it as [D, V]
        weights[HEAD] = np.ascontiguousarray(weights[HEAD].T)
    return config, weights


def newest_model(folder: str | os.PathLike) -> tuple[int, GPT2Config, dict[str, np.ndarray]] | None:
    """The model of the newest checkpoint in `folder` that is whole.

    Returns:
        Its step, shape, and float32 weights by Hugging Face name; None when no checkpoint holds a model.
    """
    for step in reversed(checkpoint_steps(folder)):
        try:
            return step, *checkpoint_model(folder, step)
        except UserError:
            continue
    return None
