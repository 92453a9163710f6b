"""Checkpoints: one safetensors file a step, written whole or not at all, the newest few kept.

A file holds every variable of model and optimizer (dropout's seeds among them) and, as metadata, the step and what
the loop must remember. With the dataset's order a function of the step, that is all a resumed run needs to go on
exactly as the uninterrupted one.
"""

import contextlib
import json
import logging
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import DamagedCheckpoint, open_checkpoint, write_checkpoint
from tf_gpt2.run_directory import checkpoint_path, checkpoint_steps, validated

# Variables that only training in float16 has, and those of the average, which begins anew where there was none.
_MAY_DIFFER = ("step_counter", "dynamic_scale", "average")
_log = logging.getLogger(__name__)


def snapshot_checkpoint(
    folder: str | os.PathLike,
    step: int,
    variables: Sequence,
    state: dict[str, Any],
    *,
    keep: int,
    description: Mapping[str, str] | None = None,
) -> Callable[[], pathlib.Path]:
    """Copies everything as it stands; what is returned writes the checkpoint, from another thread if need be.

    Args:
        folder: Directory of the run's checkpoints.
        step: Optimizer steps done.
        variables: Keras variables, in an order that is the same in every run.
        state: JSON values of the loop by the names of `schemas.CheckpointState`, and others.
        keep: Number of checkpoints that stay.
        description: More metadata: what the model is.

    Returns:
        A function that writes it, removes all but the newest `keep` and returns its path; it raises a UserError
        where the file cannot be written, and leaves older checkpoints alone then.
    """
    from tf_gpt2.schemas import CheckpointState

    state = CheckpointState.model_validate(state).model_dump()
    tensors = dict(zip(variable_keys(variables), (np.asarray(v.value) for v in variables), strict=True))
    metadata = {"step": str(step), "state": json.dumps(state), **(description or {})}

    def write() -> pathlib.Path:
        path = checkpoint_path(folder, step)
        write_checkpoint(path, tensors, metadata)
        for old in checkpoint_steps(folder)[:-keep]:
            with contextlib.suppress(
                OSError
            ):  # Windows keeps what another program has open; the next save tries it
                checkpoint_path(folder, old).unlink(missing_ok=True)
        return path

    return write


def restore_newest(folder: str | os.PathLike, variables: Sequence) -> dict[str, Any] | None:
    """Reads the newest checkpoint that is whole into `variables`; says so of each that is damaged.

    Returns:
        The loop's state; None when there is no checkpoint.

    Raises:
        UserError: All are damaged, or one belongs to another model or optimizer.
    """
    steps = checkpoint_steps(folder)
    for step in reversed(steps):
        try:
            return restore_checkpoint(folder, step, variables)
        except DamagedCheckpoint as error:
            if step == steps[0]:
                raise
            _log.warning("%s; taking the checkpoint before it", str(error).removesuffix("; delete it"))
    return None


def restore_checkpoint(folder: str | os.PathLike, step: int, variables: Sequence) -> dict[str, Any]:
    """Reads the checkpoint of `step` into `variables` and returns the loop's state.

    Raises:
        DamagedCheckpoint: The file is not what was written; no variable has changed.
        UserError: It belongs to another model or optimizer; no variable has changed.
    """
    from tf_gpt2.schemas import CheckpointState

    path = checkpoint_path(folder, step)
    with open_checkpoint(path) as file:
        stored = json.loads((file.metadata() or {})["state"])
        try:
            state = validated(CheckpointState, stored, f"{path} is damaged: its state", "delete it")
        except UserError as error:
            raise DamagedCheckpoint(str(error)) from None
        wanted, stored_keys = dict(zip(variable_keys(variables), variables, strict=True)), set(file.keys())
        # A run that goes on in another precision: the scale of the loss, which stands last, begins anew. The state
        # says how many steps are in the average.
        differing = set(wanted) ^ stored_keys
        wanted = {key: variable for key, variable in wanted.items() if key not in differing}
        shapes = [file.get_slice(key).get_shape() for key in wanted] if all(map(_may_differ, differing)) else None
        if shapes != [list(variable.shape) for variable in wanted.values()]:
            raise UserError(f"{path} belongs to another model or optimizer; choose another `run_dir`")
        for key, variable in wanted.items():
            variable.assign(file.get_tensor(key))
    return state.model_dump()


def _may_differ(key):
    return key.partition("/")[2] in _MAY_DIFFER


def variable_keys(variables: Sequence) -> list[str]:
    """Names of the variables in a checkpoint, by their place in the order."""
    # Names alone are not unique, and paths count the models that a process has built.
    return [f"{number:05d}/{variable.name}" for number, variable in enumerate(variables)]
