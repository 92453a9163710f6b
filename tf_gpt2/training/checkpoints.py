"""Checkpoints: one safetensors file a step, written whole or not at all, the newest few kept.

A file holds every variable of model and optimizer (dropout's seeds among them) and, as metadata, the step and what
the loop must remember. With the dataset's order a function of the step, that is all a resumed run needs to go on
exactly as the uninterrupted one.
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.files import write_tensors
from tf_gpt2.run_directory import checkpoint_path, checkpoint_steps, shorten, validated


def save_checkpoint(
    folder: str | os.PathLike, step: int, variables: Sequence, state: dict[str, Any], *, keep: int
) -> pathlib.Path:
    """Writes the checkpoint of `step` and removes all but the newest `keep`.

    Args:
        folder: Directory of the run's checkpoints.
        step: Optimizer steps done.
        variables: Keras variables, in an order that is the same in every run.
        state: JSON values of the loop by the names of `schemas.CheckpointState`, and others.
        keep: Number of checkpoints that stay.

    Raises:
        UserError: The file cannot be written; older checkpoints are left alone.
    """
    from tf_gpt2.schemas import CheckpointState

    state = CheckpointState.model_validate(state).model_dump()
    tensors = {_key(number, variable): np.asarray(variable.value) for number, variable in enumerate(variables)}
    path = checkpoint_path(folder, step)
    write_tensors(path, tensors, {"step": str(step), "state": json.dumps(state)})
    for old in checkpoint_steps(folder)[:-keep]:
        with contextlib.suppress(OSError):  # Windows keeps what another program has open; the next save tries again
            checkpoint_path(folder, old).unlink(missing_ok=True)
    return path


def restore_checkpoint(folder: str | os.PathLike, step: int, variables: Sequence) -> dict[str, Any]:
    """Reads the checkpoint of `step` into `variables` and returns the loop's state.

    Raises:
        UserError: The file is damaged or belongs to another model or optimizer; then no variable has
            changed, unless reading failed on the way.
    """
    import safetensors

    from tf_gpt2.schemas import CheckpointState

    path = checkpoint_path(folder, step)
    remedy = "delete it to resume from the one before"
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            state = json.loads((file.metadata() or {})["state"])
            state = validated(CheckpointState, state, f"{path} is damaged: its state", remedy)
            keys = [_key(number, variable) for number, variable in enumerate(variables)]
            shapes = [file.get_slice(key).get_shape() for key in keys] if set(keys) == set(file.keys()) else None
            if shapes != [list(variable.shape) for variable in variables]:
                raise UserError(f"{path} belongs to another model or optimizer; choose another `run_dir`")
            for key, variable in zip(keys, variables, strict=True):
                variable.assign(file.get_tensor(key))
    except UserError:
        raise
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({shorten(str(error), 200)}); {remedy}") from None
    return state.model_dump()


def _key(number: int, variable: Any) -> str:
    # Names alone are not unique, and paths count the models that a process has built.
    return f"{number:05d}/{variable.name}"
