"""The model directory: a Hugging Face GPT-2 directory, written without transformers; and reading of every format.

    config.json             shape of the model (GPT2Config of transformers)
    model.safetensors       weights under Hugging Face's tensor names and layouts
    tokenizer.json          tokenizer of the `tokenizers` library
    generation_config.json  default sampling settings

`load_config`, `load_weights` and `load_model` open this and what other programs write (formats/detect.py). Hugging
Face's Conv1D stores kernels as [in, out], as Keras does, so no tensor is transposed on the way.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically, write_tensors
from tf_gpt2.formats import detect
from tf_gpt2.formats.hugging_face import PREFIX
from tf_gpt2.formats.training_checkpoint import checkpoint_model, newest_model
from tf_gpt2.formats.weights import HEAD, DamagedFile, Weights, tensor_shapes
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.run_directory import (
    CHECKPOINTS,
    CONFIG_FILE,
    GENERATION_CONFIG_FILE,
    WEIGHTS_FILE,
    checkpoint_steps,
    read_generation_config,
)

if TYPE_CHECKING:  # neither is needed to read a model
    import keras

    from tf_gpt2.tokenizer import Tokenizer

_log = logging.getLogger(__name__)
_LAYER_OF = {
    "wte.weight": "token_embedding/embeddings",
    "wpe.weight": "position_embedding/embeddings",
    "ln_1.weight": "attention_norm/gamma",
    "ln_1.bias": "attention_norm/beta",
    "attn.c_attn.weight": "attention/qkv_kernel",
    "attn.c_attn.bias": "attention/qkv_bias",
    "attn.c_proj.weight": "attention/output_kernel",
    "attn.c_proj.bias": "attention/output_bias",
    "ln_2.weight": "mlp_norm/gamma",
    "ln_2.bias": "mlp_norm/beta",
    "mlp.c_fc.weight": "mlp/input_kernel",
    "mlp.c_fc.bias": "mlp/input_bias",
    "mlp.c_proj.weight": "mlp/output_kernel",
    "mlp.c_proj.bias": "mlp/output_bias",
    "ln_f.weight": "final_norm/gamma",
    "ln_f.bias": "final_norm/beta",
    "lm_head.weight": "output_projection/kernel",
}


def keras_variable_path(tensor_name: str) -> str:
    """Path of the Keras variable that holds a Hugging Face tensor: h.3.ln_1.bias -> block_3_attention_norm/beta."""
    if not tensor_name.startswith("h."):
        return _LAYER_OF[tensor_name]
    _, index, rest = tensor_name.split(".", 2)
    return f"block_{index}_{_LAYER_OF[rest]}"


def _variables_by_tensor_name(model, config):
    variables = {variable.path: variable for variable in model.trainable_variables}
    return {name: variables[keras_variable_path(name)] for name in tensor_shapes(config)}


def model_weights(model: keras.Model, config: GPT2Config) -> dict[str, np.ndarray]:
    """Weights of a live Keras model as float32 arrays by Hugging Face name."""
    weights = {}
    for name, variable in _variables_by_tensor_name(model, config).items():
        value = np.asarray(variable.value, dtype=np.float32)
        weights[name] = np.ascontiguousarray(value.T) if name == HEAD else value
    return weights


def assign_weights(model: keras.Model, config: GPT2Config, weights: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by Hugging Face name into a live Keras model of the same shape."""
    for name, variable in _variables_by_tensor_name(model, config).items():
        variable.assign(_as_variable(weights, name))


def build_model_from(config: GPT2Config, weights: Mapping[str, np.ndarray], **outputs: bool) -> keras.Model:
    """As `build_model`, with these weights from the start: no random ones are drawn, and memory holds one copy.

    Args:
        config: The model's shape.
        weights: Arrays by Hugging Face name.
        **outputs: `with_attention` or `with_internals`, as for `build_model`.
    """
    import keras

    from tf_gpt2.model import build_model

    # In this scope variables have no values yet; when it ends, Keras asks each one's initialiser.
    with keras.StatelessScope():
        model = build_model(config, **outputs)
        for name, variable in _variables_by_tensor_name(model, config).items():
            variable._initializer = functools.partial(_initial_value, weights, name)
    return model


def _initial_value(weights, name, shape, dtype):
    import keras

    del shape
    return keras.ops.convert_to_tensor(_as_variable(weights, name), dtype=dtype)


def _as_variable(weights, name):
    """A tensor in the layout of its Keras variable: an untied head is [V, D] in a file and [D, V] in Dense."""
    return weights[name].T if name == HEAD else weights[name]


def save_model_directory(
    folder: str | os.PathLike, config: GPT2Config, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer
) -> None:
    """Writes a model directory; each file appears whole or not at all.

    Args:
        folder: Directory to write into, created when missing.
        config: The model's shape.
        weights: Arrays by Hugging Face name, as `model_weights` gives them.
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`.

    Raises:
        UserError: A file cannot be written (full disk, say).
    """
    folder = pathlib.Path(folder)
    end_of_text = tokenizer.end_of_text_id
    tensors = {name if name == HEAD else PREFIX + name: array for name, array in weights.items()}
    tokenizer.save(folder, config.context_length)
    settings = _generation_config(end_of_text, config.context_length)
    write_atomically(folder / GENERATION_CONFIG_FILE, _json_bytes(settings))
    write_atomically(folder / CONFIG_FILE, _json_bytes(to_hugging_face(config, end_of_text)))
    write_tensors(folder / WEIGHTS_FILE, tensors, {"format": "pt"})


def _json_bytes(value) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _generation_config(end_of_text, context_length):
    """For transformers, whose own defaults are others: all of ours that it does not share.

    It cannot write past the context. Where ours would reach there from a prompt of half a context, it is told to
    stop at the context's end instead; here a text goes on, with the default that the file then does not name.
    """
    ours = GenerationSettings()
    short = ours.max_new_tokens > context_length // 2
    length = {"max_length": context_length} if short else {"max_new_tokens": ours.max_new_tokens}
    return {
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "pad_token_id": end_of_text,
        "do_sample": not ours.greedy,
        "temperature": ours.temperature,
        "top_k": ours.top_k,
        **length,
    }


def to_hugging_face(config: GPT2Config, end_of_text_id: int) -> dict:
    """The configuration as transformers' GPT2Config spells it."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "vocab_size": config.vocabulary_size,
        "n_positions": config.context_length,
        "n_ctx": config.context_length,  # its old name, which some programs still ask for
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_embd": config.hidden_dim,
        "n_inner": config.intermediate_dim,
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": end_of_text_id,
        "eos_token_id": end_of_text_id,
        "torch_dtype": "float32",
    }


def _located(source: str | os.PathLike) -> pathlib.Path:
    """The folder of a model; a run without one, killed before it wrote it or robbed of its weights, gets it now.

    It is that of the newest checkpoint.
    """
    folder = detect.locate(source)
    whole = all((folder / name).exists() for name in (CONFIG_FILE, WEIGHTS_FILE))
    if (folder / CHECKPOINTS).is_dir() and not whole:
        found = newest_model(folder / CHECKPOINTS)
        if found is not None:
            from tf_gpt2.tokenizer import Tokenizer

            step, config, weights = found
            _log.info("making the model directory %s from the checkpoint of step %d", folder, step)
            save_model_directory(folder, config, weights, Tokenizer.load(folder / CHECKPOINTS))
    return folder


def load_config(source: str | os.PathLike) -> GPT2Config:
    """Reads the shape of a model.

    Args:
        source: A folder of any format, or the name of a model on a hub.

    Raises:
        UserError: The directory or the file is missing or damaged, or describes another kind of model.
    """
    folder = _located(source)
    return detect.format_of(folder).read_config(folder)


def load_weights(source: str | os.PathLike, config: GPT2Config) -> Weights:
    """Opens the weights as float32 arrays by Hugging Face name, without the `transformer.` prefix.

    All tensors are checked against `config` now; each is read when it is looked up, every time.

    Raises:
        UserError: The file is missing or damaged, or a tensor is missing, has another shape, or is one too many.
    """
    folder = _located(source)
    try:
        return detect.format_of(folder).open_weights(folder, config)
    except DamagedFile as error:
        found = newest_model(folder / CHECKPOINTS)
        if found is None:
            raise
        remedy = f"remove it, and the model of the checkpoint of step {found[0]:,} takes its place"
        raise DamagedFile(error.path, error.error, remedy) from None


def load_generation_config(source: str | os.PathLike) -> dict[str, Any]:
    """Reads the sampling settings that a model brings, for `GenerationSettings.for_model`.

    Returns:
        What its generation_config.json says. Empty when there is none; what is damaged is left out, which the log
        says: a model writes without it.

    Raises:
        UserError: There is no such model.
    """
    return read_generation_config(_located(source))


def load_model(source: str | os.PathLike) -> tuple[keras.Model, GPT2Config]:
    """Opens a model of any format as a live Keras model.

    Returns:
        (model, config): the functional model of `tf_gpt2.model.build_model` with the stored weights.
    """
    config = load_config(source)
    return build_model_from(config, load_weights(source, config)), config


def checkpoint_models(run_dir: str | os.PathLike) -> Iterator[tuple[int, GPT2Config, dict[str, np.ndarray]]]:
    """The models of the checkpoints that a run keeps, the oldest first: step, shape, weights by Hugging Face name.

    Raises:
        UserError: The directory holds no checkpoint, or one is damaged.
    """
    folder = pathlib.Path(run_dir) / CHECKPOINTS
    steps = checkpoint_steps(folder)
    if not steps:
        raise UserError(f"`run_dir` must be a run that keeps checkpoints; {run_dir} has none: train one")
    for step in steps:
        yield step, *checkpoint_model(folder, step)
