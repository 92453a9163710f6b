"""Writes a SavedModel for TF Serving.

Text in, text out: the tokenizer is inside the graph. The last part of `output` is the version; TF Serving serves
the highest one. Beside the versions `models.config` and `batching_parameters.txt` are written. docs/serve.md
describes the signatures and how to serve them.
"""

import os
import pathlib
import re
from typing import TYPE_CHECKING

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.files import replacing_folder

if TYPE_CHECKING:  # it imports TensorFlow
    from .limits import Limits

CHECK_TEXT = "却说曹操引兵 Once upon a time"
TOLERANCE = 1e-3  # nats; the two graphs add in another order
_NAME = re.compile(r"[\w.-]+")


def write_savedmodel(
    run_dir: str | os.PathLike, output: str | os.PathLike, *, limits: "Limits | None" = None, xla: bool = False
) -> dict:
    """Writes one version of a served model and what the server reads beside it.

    Args:
        run_dir: A model directory of any format.
        output: Folder to write, NAME/VERSION; must be new.
        limits: What a request may ask for, by default its defaults.
        xla: Whether XLA compiles the writing. TF Serving's stock CPU build cannot run such a model.

    Returns:
        What was written.

    Raises:
        UserError: The model cannot be read, its tokenizer is not known in a graph, or `output` cannot be written.
    """
    folder = check_output(output)
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    import tensorflow as tf

    from tf_gpt2 import generation
    from tf_gpt2.model_directory import load_config, load_weights
    from tf_gpt2.tokenizer import Tokenizer

    from .limits import Limits
    from .server_files import write_server_files, write_warmup
    from .signatures import ServedModel
    from .text import text_module

    limits = limits or Limits()
    config, tokenizer = load_config(run_dir), Tokenizer.load(run_dir)
    original = generation.load(run_dir)  # refuses what does not belong together
    weights, text = load_weights(run_dir, config), text_module(tokenizer)
    model = ServedModel(config, weights, tokenizer, text, limits, xla, original.settings())
    signatures = model.signatures()
    with replacing_folder(output) as temporary:
        tf.saved_model.save(model, str(temporary), signatures=signatures)
        write_warmup(temporary, folder.parent.name, limits, xla)
        _check(temporary, original)
        size = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
    write_server_files(folder.parent, folder.parent.name, limits, xla)
    return {
        "output": str(output),
        "signatures": sorted(signatures),
        "bytes": size,
        "parameters": config.num_parameters,
    }


def check_output(output: str | os.PathLike | None) -> pathlib.Path:
    """The folder as an absolute path; needs no TensorFlow.

    Raises:
        UserError: It does not end in NAME/VERSION.
    """
    folder = pathlib.Path(output or "").absolute()
    if not output or not (folder.name.isascii() and folder.name.isdigit() and int(folder.name) > 0):
        raise UserError(
            f"`output` must end in a version number, as in models/demo/1; received {str(output or '')!r}"
        )
    if not _NAME.fullmatch(folder.parent.name):
        raise UserError(
            "the folder above the version names the model and must consist of letters, digits, '.', '_' and '-'; "
            f"received {folder.parent.name!r}"
        )
    return folder


def _check(folder, original):
    """Opens what was written and holds its scores against the library's."""
    import tensorflow as tf

    served = tf.saved_model.load(str(folder)).signatures["score"](text=tf.constant([CHECK_TEXT]))
    expected = original.score(CHECK_TEXT, alternatives=1)
    difference = np.abs(served["log_probabilities"].numpy()[0] - expected.log_probabilities).max(initial=0.0)
    if not difference <= TOLERANCE:  # so that NaN is refused too
        raise UserError(
            f"the SavedModel must score as the model does, within {TOLERANCE} nats; it differs by {difference}. "
            "Take another checkpoint: the weights may not be finite"
        )
