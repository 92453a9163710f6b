"""What a run directory remembers of its run, so that resuming goes on with the same one.

training.json    resolved configuration: model, recipe, corpus
metrics.jsonl    figures, a line per logged step
tensorboard/     the same for TensorBoard
samples/         passages written on the way
checkpoints/     what resuming needs
config.json, model.safetensors, tokenizer.json, generation_config.json
                 the model directory: the best model so far by validation loss
"""

import json
import pathlib

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json, write_atomically
from tf_gpt2.training.checkpoints import checkpoint_steps

TRAINING_FILE = "training.json"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"


def open_run_directory(run_dir, resolve, *, resume: bool) -> dict:
    """Creates a run directory or opens one to go on.

    Args:
        run_dir: The directory.
        resolve: Called with the stored configuration, or None in a new directory; returns the configuration
            (JSON values) that the flags ask for.
        resume: Whether going on with a run is allowed.

    Returns:
        The configuration of the run.

    Raises:
        UserError: The directory holds another run, a model that no run here made, or cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"--run_dir must be a directory; {run_dir} is a file")
    path = run_dir / TRAINING_FILE
    stored = read_json(path, remedy="choose another --run_dir") if path.exists() else None
    wanted = json.loads(json.dumps(resolve(stored)))
    if stored is not None:
        started = bool(checkpoint_steps(run_dir / CHECKPOINTS)) or (run_dir / "config.json").exists()
        if started and not resume:
            raise UserError(
                f"--noresume needs a fresh --run_dir; {run_dir} holds a run. Choose another or remove it"
            )
        if started:
            _check_same_run(run_dir, stored, wanted)
    elif (run_dir / "config.json").exists():
        raise UserError(f"--run_dir must be new or a run of this program; {run_dir} holds another model")
    if wanted != stored:
        write_atomically(path, (json.dumps(wanted, indent=2, ensure_ascii=False) + "\n").encode())
    return wanted


def _check_same_run(run_dir, stored, wanted):
    differences = [
        f"{section}.{field} is {old!r} there and {wanted[section].get(field)!r} here"
        for section, fields in stored.items()
        if section in wanted
        for field, old in fields.items()
        if wanted[section].get(field) != old
    ]
    if differences:
        raise UserError(
            f"{run_dir} holds a run of another configuration ({'; '.join(differences[:3])}); "
            "choose another --run_dir, or give the same flags to go on with it"
        )
