"""Checkpoints: one safetensors file a step, written whole or not at all, the newest few kept.

A file holds every variable of model and optimizer (dropout's seeds among them) and, as metadata, the step and what
the loop must remember. With the dataset's order a function of the step, that is all a resumed run needs to go on
exactly as the uninterrupted one.
"""

import json
import pathlib
import re

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.files import write_tensors

_NAME = re.compile(r"step-(\d{8})\.safetensors")


def checkpoint_steps(folder) -> list[int]:
    """Steps for which `folder` holds a checkpoint, ascending."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for entry in folder.iterdir() if (match := _NAME.fullmatch(entry.name)))


def _path(folder, step):
    return pathlib.Path(folder) / f"step-{step:08d}.safetensors"


def save_checkpoint(folder, step: int, variables, state: dict, *, keep: int) -> pathlib.Path:
    """Writes the checkpoint of `step` and removes all but the newest `keep`.

    Args:
        folder: Directory of the run's checkpoints.
        step: Optimizer steps done.
        variables: Keras variables, in an order that is the same in every run.
        state: JSON values of the loop, the best validation loss so far, say.
        keep: Number of checkpoints that stay.

    Raises:
        UserError: The file cannot be written; older checkpoints are left alone.
    """
    tensors = {_key(number, variable): np.asarray(variable.value) for number, variable in enumerate(variables)}
    write_tensors(_path(folder, step), tensors, {"step": str(step), "state": json.dumps(state)})
    for old in checkpoint_steps(folder)[:-keep]:
        _path(folder, old).unlink(missing_ok=True)
    for entry in pathlib.Path(folder).glob(".*"):  # half-written files of a killed process
        entry.unlink(missing_ok=True)
    return _path(folder, step)


def restore_checkpoint(folder, step: int, variables) -> dict:
    """Reads the checkpoint of `step` into `variables` and returns the loop's state.

    Raises:
        UserError: The file is damaged or belongs to another model or optimizer.
    """
    import safetensors

    path = _path(folder, step)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            keys = [_key(number, variable) for number, variable in enumerate(variables)]
            if set(keys) != set(file.keys()):
                raise UserError(f"{path} belongs to another model or optimizer; choose another --run_dir")
            for key, variable in zip(keys, variables, strict=True):
                variable.assign(file.get_tensor(key))
            return json.loads(file.metadata()["state"])
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is damaged ({error}); delete it to resume from the one before") from None


def _key(number, variable):
    # Names alone are not unique, and paths count the models that a process has built.
    return f"{number:05d}/{variable.name}"
