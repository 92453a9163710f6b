"""Writes OpenAI's format, which gpt-2-simple opens.

A character vocabulary is rewritten as a byte-level BPE (byte_level.py): text of known characters keeps its
ids.
"""

import json
import os

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.files import replacing_folder
from tf_gpt2.formats.openai import variable_name, variable_shapes

from .byte_level import to_byte_level

CHECKPOINT_NAME = "model.ckpt"
_MERGES_HEADER = "#version: 0.2\n"


def write_openai(run_dir: str | os.PathLike, output: str | os.PathLike) -> dict:
    """Writes the folder; returns what was written.

    Raises:
        UserError: The model or its tokenizer has no equal in this format, or `output` cannot be written.
    """
    from tf_gpt2 import runtime
    from tf_gpt2.model_directory import load_config, load_weights
    from tf_gpt2.tokenizer import Tokenizer

    config = load_config(run_dir)
    require_plain(config, "OpenAI's format")
    bpe = to_byte_level(Tokenizer.load(run_dir), config.vocabulary_size)
    runtime.load_tensorflow()
    weights = load_weights(run_dir, config)
    size = config.vocabulary_size + len(bpe.added_rows)
    hparams = {
        "n_vocab": size,
        "n_ctx": config.context_length,
        "n_embd": config.hidden_dim,
        "n_head": config.num_heads,
        "n_layer": config.num_layers,
    }
    with replacing_folder(output) as folder:
        (folder / "hparams.json").write_text(json.dumps(hparams, indent=2) + "\n")
        bpe.write(folder / "encoder.json", folder / "vocab.bpe", _MERGES_HEADER)
        _write_variables(folder / CHECKPOINT_NAME, config, weights, bpe)
        (folder / "checkpoint").write_text(f'model_checkpoint_path: "{CHECKPOINT_NAME}"\n')
    return {"output": str(output), "vocabulary_size": size, "added_tokens": len(bpe.added_rows)}


def require_plain(config: GPT2Config, format_name: str) -> None:
    """Refuses what a format without fields for it cannot say.

    Raises:
        UserError: The head is untied, or epsilon or the width of the MLP is not GPT-2's.
    """
    for holds, rule in (
        (config.tie_embeddings, "tied embeddings"),
        (config.layer_norm_epsilon == 1e-5, "layer_norm_epsilon 1e-5"),
        (config.intermediate_dim == 4 * config.hidden_dim, "an MLP four times as wide as the model"),
    ):
        if not holds:
            raise UserError(
                f"{format_name} needs {rule}; the model of `run_dir` differs. Use the export huggingface"
            )


def _write_variables(prefix, config, weights, bpe):
    """Writes variables by OpenAI's names, as a Saver of TensorFlow 1 does."""
    import tensorflow as tf

    shapes = variable_shapes(config)
    names, tensors = [], []
    for tensor_name, array in weights.items():
        name = variable_name(tensor_name)
        is_embedding = tensor_name == "wte.weight"
        names.append(name)
        tensors.append(bpe.embedding(array) if is_embedding else array.reshape(shapes[name]))
    try:
        tf.raw_ops.SaveV2(
            prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
        )
    except tf.errors.OpError as error:  # a full disk, say
        raise OSError(error.message) from None
