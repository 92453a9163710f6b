"""OpenAI's TensorFlow checkpoint, which gpt-2-simple and most early fine-tuning tools write too.

    checkpoint              names the newest model.ckpt
    hparams.json            n_vocab, n_ctx, n_embd, n_head, n_layer
    encoder.json, vocab.bpe the byte-level BPE vocabulary (tokenizer_files.py)
    model.ckpt.*            variables under the names of openai/gpt-2, src/model.py

Kernels are stored as [1, in, out], those of a convolution of width 1; the head is always tied.
"""

import math
import os
import pathlib
import re

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError, found_in
from tf_gpt2.files import read_bounded, read_json
from tf_gpt2.formats.weights import DamagedFile, Weights, check_tensors, is_block_matrix, tensor_shapes, to_float32
from tf_gpt2.run_directory import shorten, validated

HPARAMS_FILE = "hparams.json"
CHECKPOINT_FILE = "checkpoint"
_REMEDY = "give a folder with checkpoint, hparams.json, encoder.json, vocab.bpe and model.ckpt.*"
# What an optimizer left beside the weights.
_IGNORED = re.compile(
    r"(.*/)?(Adam(_1)?|Adafactor|Momentum|beta[12]_power|global_step)|_CHECKPOINTABLE_OBJECT_GRAPH"
)
_PARTS = {"ln_1.weight": "ln_1/g", "ln_1.bias": "ln_1/b", "ln_2.weight": "ln_2/g", "ln_2.bias": "ln_2/b"}


def read_config(folder: pathlib.Path) -> GPT2Config:
    """Reads hparams.json; fields it leaves out are those of the 124M model, as in openai/gpt-2.

    Raises:
        UserError: It is missing or damaged, or a value is out of range.
    """
    from tf_gpt2.formats.schemas import HParams

    path = folder / HPARAMS_FILE
    values = validated(HParams, read_json(path, remedy=_REMEDY), path, _REMEDY)
    with found_in(path):
        return GPT2Config(
            vocabulary_size=values.n_vocab,
            context_length=values.n_ctx,
            num_layers=values.n_layer,
            num_heads=values.n_head,
            hidden_dim=values.n_embd,
        )


def variable_name(tensor_name: str) -> str:
    """Name of the variable that holds a Hugging Face tensor: h.3.attn.c_attn.weight -> model/h3/attn/c_attn/w."""
    if tensor_name in ("wte.weight", "wpe.weight"):
        return f"model/{tensor_name.removesuffix('.weight')}"
    if tensor_name.startswith("ln_f."):
        return f"model/ln_f/{'g' if tensor_name.endswith('weight') else 'b'}"
    _, index, rest = tensor_name.split(".", 2)
    part = _PARTS.get(rest) or rest.replace(".weight", ".w").replace(".bias", ".b").replace(".", "/")
    return f"model/h{index}/{part}"


def variable_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Shapes of all variables by their own names; kernels have a leading 1."""
    return {
        variable_name(name): (1, *shape) if is_block_matrix(name) else shape
        for name, shape in tensor_shapes(config).items()
    }


def open_weights(folder: pathlib.Path, config: GPT2Config) -> Weights:
    """Opens the weights; see `Weights`.

    Raises:
        UserError: A file is missing or damaged, or its variables are not those of `config`.
    """
    import tensorflow as tf

    prefix = _find(folder)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        found = reader.get_variable_to_shape_map()
        types = reader.get_variable_to_dtype_map()
    except Exception as error:  # TensorFlow's own errors, and IndexError, TypeError, ... for what it did not expect
        raise DamagedFile(f"{prefix}.index", error) from None
    expected = variable_shapes(config)
    check_tensors(prefix, expected, found, _IGNORED)
    for name in expected:
        if not types[name].is_floating:
            raise UserError(f"{prefix}: {name} must hold floating-point numbers; received {types[name].name}")
    _check_size(prefix, sum(math.prod(shape) * types[name].size for name, shape in expected.items()))

    def reader_of(name, shape):
        def read() -> np.ndarray:
            try:
                return to_float32(reader.get_tensor(variable_name(name))).reshape(shape)
            except Exception as error:
                raise ValueError(str(error)) from None

        return read

    return Weights(prefix, {name: reader_of(name, shape) for name, shape in tensor_shapes(config).items()})


def _find(folder) -> pathlib.Path:
    """Path of the newest checkpoint without its endings. Only files of the folder itself count."""
    path = folder / CHECKPOINT_FILE
    if os.path.isfile(path):
        # Of a path that the file may give, from the machine that wrote it, only the name means something here.
        found = re.search(r'^model_checkpoint_path:\s*"(.*)"', _read_text(path), re.MULTILINE)
        names = [found[1].replace("\\", "/").rsplit("/", 1)[-1]] if found else []
    else:
        names = [file.name.removesuffix(".index") for file in folder.glob("*.index")]
    if len(names) != 1 or not os.path.isfile(folder / f"{names[0]}.index"):
        one = len(names) == 1
        what = f"{shorten(names[0], 60)}.index is missing" if one else "there is not exactly one model.ckpt.index"
        raise UserError(f"{folder}: {what}; {_REMEDY}")
    return folder / names[0]


def _read_text(path):
    try:
        return read_bounded(path).decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_REMEDY}") from None


def _check_size(prefix, size):
    stored = sum(file.stat().st_size for file in prefix.parent.glob(f"{prefix.name}.data-*"))
    if stored < size:
        raise DamagedFile(f"{prefix}.data-*", f"{size} bytes are needed and {stored} are there")
