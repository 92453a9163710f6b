"""Writes what Hugging Face needs to publish a model.

The run directory opens in transformers as it is; this adds a model card with the run's figures, leaves out what
only training needs, and can halve the file with float16.
"""

import json
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.files import replacing_folder, write_atomically

from ..model_card import card

DTYPES = ("float32", "float16")
_MAX_FLOAT16 = float(np.finfo(np.float16).max)


def write_huggingface(run_dir: str | os.PathLike, output: str | os.PathLike, *, dtype: str = "float32") -> dict:
    """Writes the folder; returns what was written.

    Raises:
        UserError: The model cannot be opened, `output` cannot be written, or a weight is too large for float16.
    """
    from tf_gpt2.model_directory import WEIGHTS_FILE, load_config, load_weights, save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    config = load_config(run_dir)
    tokenizer = Tokenizer.load(run_dir)
    weights: Mapping[str, np.ndarray] = load_weights(run_dir, config)
    if dtype == "float16":
        weights = {name: _to_float16(name, array) for name, array in weights.items()}
    with replacing_folder(output) as folder:
        save_model_directory(folder, config, weights, tokenizer)
        _mark_dtype(folder / "config.json", dtype)
        (folder / "README.md").write_text(card(run_dir, config, tokenizer, dtype), "utf-8")
        size = (folder / WEIGHTS_FILE).stat().st_size
    return {"output": str(output), "dtype": dtype, "bytes": size, "parameters": config.num_parameters}


def _to_float16(name, array):
    largest = float(np.abs(array).max())
    if not largest < _MAX_FLOAT16:
        raise UserError(
            f"`dtype` float16 reaches to {_MAX_FLOAT16:.0f}; {name} holds {largest:g}. Leave `dtype` out "
            "for float32"
        )
    return array.astype(np.float16)


def _mark_dtype(path: pathlib.Path, dtype):
    """Says in config.json how the weights are stored, which transformers opens them as."""
    values = json.loads(path.read_text("utf-8"))
    write_atomically(path, (json.dumps({**values, "torch_dtype": dtype}, indent=2) + "\n").encode())
