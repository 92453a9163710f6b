"""Hugging Face's GPT-2 directory: config.json with model.safetensors, whole or in shards, or pytorch_model.bin.

What transformers' GPT2LMHeadModel and GPT2Model write, and so what GPT2-Chinese leaves, whose config.json of 2019
has no model_type. Conv1D stores kernels as [in, out], as Keras does, so no tensor is transposed.
"""

import pathlib
import re

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError, in_file
from tf_gpt2.files import read_json
from tf_gpt2.formats import pytorch_bin
from tf_gpt2.formats.safetensors_file import read_header, require_float
from tf_gpt2.formats.weights import HEAD, TABLE, Weights, check_tensors, tensor_shapes
from tf_gpt2.run_directory import CONFIG_FILE, WEIGHTS_FILE, shown, validated

INDEX_FILE = "model.safetensors.index.json"
# transformers prefixes the tensors of GPT2LMHeadModel so; checkpoints of the bare GPT2Model have no prefix.
PREFIX = "transformer."
# The causal mask and the value behind it, which transformers kept as buffers until 2023.
_IGNORED = re.compile(r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)")
_ACTIVATIONS = ("gelu_new", "gelu_pytorch_tanh")  # two names of the tanh form
# Variants of attention that GPT-2 itself does not have, with the value that means "as in GPT-2".
_PLAIN = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}
_LONGEST_NAME = 120  # of a shard, in characters; file systems take 255 bytes
_REMEDY = "give a directory that holds config.json and model.safetensors"


def read_config(folder: pathlib.Path) -> GPT2Config:
    """Reads config.json.

    Raises:
        UserError: It is missing or damaged, or describes another kind of model.
    """
    from tf_gpt2.formats.schemas import HuggingFaceConfig

    path = folder / CONFIG_FILE
    values = validated(HuggingFaceConfig, read_json(path, remedy=_REMEDY), path, _REMEDY)
    if values.model_type != "gpt2":
        raise UserError(f"{path}: model_type must be 'gpt2'; received {shown(values.model_type)}")
    activation = values.activation_function
    if activation not in _ACTIVATIONS:
        raise UserError(f"{path}: activation_function must be 'gelu_new' (GPT-2's); received {shown(activation)}")
    for field, plain in _PLAIN.items():
        if getattr(values, field) is not plain:
            raise UserError(f"{path}: {field} must be {plain} as in GPT-2; received {getattr(values, field)}")
    context_length = values.n_ctx if values.n_positions is None else values.n_positions
    if context_length is None:
        raise UserError(f"{path}: n_positions (or n_ctx, its old name) is missing; {_REMEDY}")
    try:
        return GPT2Config(
            vocabulary_size=values.vocab_size,
            context_length=context_length,
            num_layers=values.n_layer,
            num_heads=values.n_head,
            hidden_dim=values.n_embd,
            intermediate_dim=values.n_inner or 0,
            dropout=values.resid_pdrop,
            layer_norm_epsilon=values.layer_norm_epsilon,
            tie_embeddings=values.tie_word_embeddings,
        )
    except UserError as error:
        raise in_file(path, error) from None


def open_weights(folder: pathlib.Path, config: GPT2Config) -> Weights:
    """Opens the weights; see `Weights`.

    Raises:
        UserError: The file is missing or damaged, or its tensors are not those of `config`.
    """
    path, tensors = _find(folder)
    prefix = PREFIX if any(name.startswith(PREFIX) for name in tensors) else ""
    shapes = tensor_shapes(config)
    names = {name if name == HEAD else prefix + name: name for name in shapes}
    expected = {stored: shapes[name] for stored, name in names.items()}
    if config.tie_embeddings and HEAD in tensors:
        expected[HEAD] = expected[prefix + TABLE]
    check_tensors(path, expected, {name: tensor.shape for name, tensor in tensors.items()}, _IGNORED)
    for name in expected:
        require_float(path, name, tensors[name])
    weights = Weights(path, {name: tensors[stored].read for stored, name in names.items()})
    if config.tie_embeddings and HEAD in tensors:
        _check_tied(path, weights[TABLE], tensors[HEAD].read())
    return weights


def _find(folder):
    """The file that errors name, and its tensors by name (shards put together)."""
    if (folder / WEIGHTS_FILE).exists():
        return folder / WEIGHTS_FILE, read_header(folder / WEIGHTS_FILE)
    if (folder / INDEX_FILE).exists():
        shards = read_shards(folder / INDEX_FILE, ".safetensors")
        return folder / INDEX_FILE, _gather(folder / INDEX_FILE, shards, read_header)
    for name in (pytorch_bin.FILE, pytorch_bin.INDEX_FILE):
        if (folder / name).exists():
            whole = name == pytorch_bin.FILE
            shards = {folder / name: None} if whole else read_shards(folder / name, ".bin")
            return folder / name, _gather(folder / name, shards, pytorch_bin.read)
    raise UserError(f"{folder / WEIGHTS_FILE} is missing; {_REMEDY}")


def _gather(path, shards, read):
    """Tensors of all shards by name; each must be in the one shard that the index names."""
    tensors = {}
    for shard, names in shards.items():
        found = read(shard)
        if names is not None and set(found) != names:
            odd = sorted(set(found) ^ names)[0]
            raise UserError(
                f"{path}: {shown(odd)} must be in {shard.name} exactly if the index says so; download both again"
            )
        tensors.update(found)
    return tensors


def read_shards(path: pathlib.Path, suffix: str) -> dict[pathlib.Path, set[str]]:
    """Names of the tensors by shard, from an index file.

    A shard is a plain file name beside the index. Links are followed, as the cache of huggingface_hub is made of
    them.

    Raises:
        UserError: The index is damaged or names a file elsewhere.
    """
    from tf_gpt2.formats.schemas import ShardIndex

    remedy = "download it again"
    entries = validated(ShardIndex, read_json(path, remedy=remedy), path, remedy).weight_map
    shards: dict[pathlib.Path, set[str]] = {}
    for name, shard in entries.items():
        plain = re.fullmatch(rf"[\w.-]{{1,{_LONGEST_NAME}}}", shard) and not shard.startswith(".")
        if not plain or not shard.endswith(suffix):
            raise UserError(
                f"{path}: a shard must be a *{suffix} file in the same folder; received {shown(shard)}; {remedy}"
            )
        shards.setdefault(path.parent / shard, set()).add(name)
    return shards


def _check_tied(path, embedding, head):
    """Refuses a stored head that differs from the embedding which the configuration says it is; both [V, D]."""
    if not np.array_equal(embedding.view(np.uint32), head.view(np.uint32)):
        raise UserError(
            f"{path}: {HEAD} differs from {TABLE} though config.json ties them; set tie_word_embeddings to "
            "false there to keep the head, or remove the tensor"
        )
