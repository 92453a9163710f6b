"""KerasHub's preset folder of a GPT2Backbone or GPT2CausalLM, read without KerasHub.

    config.json       {"class_name": "GPT2Backbone", "config": {...}}
    model.weights.h5  a group a layer, variables numbered
    tokenizer.json, assets/tokenizer/  the byte-level BPE vocabulary (tokenizer_files.py)

Queries, keys and values are three layers there with kernels [D, H, K]; here they are one tensor [D, 3 D].
Shapes: D hidden_dim, H num_heads, K head_dim, F intermediate_dim.
"""

import math
import os
import pathlib
import re

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError, found_in
from tf_gpt2.files import read_json
from tf_gpt2.formats.weights import DamagedFile, Weights, check_tensors, tensor_shapes, to_float32, widen_bfloat16
from tf_gpt2.run_directory import validated

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
BACKBONE = "GPT2Backbone"
_REMEDY = "give a preset folder with config.json and model.weights.h5"
# States of random number generators, which some versions of Keras stored with the weights.
_IGNORED = re.compile(r".*seed_generator(_\d+)?/vars/0")
_QKV = ("query_dense", "key_dense", "value_dense")
_LAYERS = {
    "ln_1": "_self_attention_layer_norm",
    "attn.c_proj": "_self_attention_layer/output_dense",
    "ln_2": "_feedforward_layer_norm",
    "mlp.c_fc": "_feedforward_intermediate_dense",
    "mlp.c_proj": "_feedforward_output_dense",
}
_TOP = {
    "wte.weight": "layers/reversible_embedding/vars/0",
    "wpe.weight": "layers/position_embedding/vars/0",
    "ln_f.weight": "layers/layer_normalization/vars/0",
    "ln_f.bias": "layers/layer_normalization/vars/1",
}


def read_config(folder: pathlib.Path) -> GPT2Config:
    """Reads config.json; the class has no field for epsilon and no untied head.

    Raises:
        UserError: It is missing or damaged, or describes another kind of model.
    """
    from tf_gpt2.formats.schemas import Backbone

    path = folder / CONFIG_FILE
    fields = validated(Backbone, read_json(path, remedy=_REMEDY), path, _REMEDY).config
    with found_in(path):
        return GPT2Config(
            vocabulary_size=fields.vocabulary_size,
            context_length=fields.max_sequence_length,
            num_layers=fields.num_layers,
            num_heads=fields.num_heads,
            hidden_dim=fields.hidden_dim,
            intermediate_dim=fields.intermediate_dim,
            dropout=fields.dropout,
        )


def dataset_names(tensor_name: str) -> list[str]:
    """Names of the datasets that make up a Hugging Face tensor: three for queries, keys and values, else one."""
    if tensor_name in _TOP:
        return [_TOP[tensor_name]]
    _, index, rest = tensor_name.split(".", 2)
    group = f"layers/transformer_decoder{'' if index == '0' else f'_{index}'}"
    layer, part = rest.rsplit(".", 1)
    number = 0 if part == "weight" else 1
    if layer == "attn.c_attn":
        return [f"{group}/_self_attention_layer/{name}/vars/{number}" for name in _QKV]
    return [f"{group}/{_LAYERS[layer]}/vars/{number}"]


def dataset_shape(tensor_name: str, shape: tuple[int, ...], config: GPT2Config) -> tuple[int, ...]:
    """Shape of each dataset that makes up a tensor of `shape`."""
    heads = (config.num_heads, config.head_dim)
    if tensor_name.endswith("attn.c_attn.weight"):
        return (config.hidden_dim, *heads)
    if tensor_name.endswith("attn.c_attn.bias"):
        return heads
    if tensor_name.endswith("attn.c_proj.weight"):
        return (*heads, config.hidden_dim)
    return shape


def open_weights(folder: pathlib.Path, config: GPT2Config) -> Weights:
    """Opens the weights; see `Weights`.

    Raises:
        UserError: The file is missing or damaged, or its variables are not those of `config`.
    """
    path = folder / WEIGHTS_FILE
    if not os.path.isfile(path):
        raise UserError(f"{path} is missing; {_REMEDY}")
    shapes = tensor_shapes(config)
    expected = {
        dataset: dataset_shape(name, shape, config)
        for name, shape in shapes.items()
        for dataset in dataset_names(name)
    }
    found, place = _list_datasets(path)
    check_tensors(path, expected, found, _IGNORED)

    def reader_of(name, shape):
        return lambda: _read(path, [place[dataset] for dataset in dataset_names(name)], shape)

    return Weights(path, {name: reader_of(name, shape) for name, shape in shapes.items()})


def _list_datasets(path):
    """Shapes and own names by the name without the underscore that versions of Keras write or leave out.

    `visititems` stays inside the file: it follows neither soft nor external links.
    """
    import h5py

    shapes, place = {}, {}

    def visit(own_name, item):
        if not isinstance(item, h5py.Dataset):
            return
        name = own_name.replace("/_query_dense/", "/query_dense/").replace("/_key_dense/", "/key_dense/")
        name = name.replace("/_value_dense/", "/value_dense/").replace("/_output_dense/", "/output_dense/")
        # Values outside the file, or claimed and never stored, would be read from elsewhere or made up.
        if (
            item.is_virtual
            or item.external
            or item.id.get_storage_size() < math.prod(item.shape) * item.dtype.itemsize
        ):
            raise ValueError(f"{own_name} is not stored in the file in full")
        shapes[name], place[name] = item.shape, own_name

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except Exception as error:  # what h5py makes of a damaged file: OSError, KeyError, TypeError, ...
        raise DamagedFile(path, error) from None
    return shapes, place


def _read(path, datasets, shape) -> np.ndarray:
    """The tensor of `shape` that the datasets make up, side by side, as float32."""
    import h5py

    with h5py.File(path) as file:
        parts = [_values(file[name]) for name in datasets]
    if len(parts) == 1:
        return parts[0].reshape(shape)
    rows = shape[:-1]
    return np.concatenate([part.reshape(*rows, -1) for part in parts], axis=-1)


def _values(dataset) -> np.ndarray:
    if dataset.attrs.get("dtype") == "bfloat16":  # which HDF5 does not know
        return widen_bfloat16(dataset[()].view(np.uint16))
    if dataset.dtype.kind != "f":
        raise ValueError(f"{dataset.name} holds {dataset.dtype} and no floating-point numbers")
    return to_float32(dataset[()])
