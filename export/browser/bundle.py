"""Writes the TensorFlow.js bundle of a model directory.

bundle.json              format version, the tokenizer's kind and the token that ends a text, order of the shards,
                         and bytes and SHA-256 of every other file
weights_manifest.json    TensorFlow.js's weights manifest (weights_manifest.py)
group1-shard*.bin        the weights, 4 MB a file
config.json              the model's shape under transformers' names, whatever format the model came in
tokenizer.json           the tokenizer as a model directory has it
generation_config.json   the model's sampling settings, complete: its own, and the product's defaults for the rest
golden.json              prompt, logits and greedy tokens that a reader of the bundle must reproduce
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.files import replacing_folder
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.model_directory import load_config, load_weights, to_hugging_face
from tf_gpt2.run_directory import CONFIG_FILE, GENERATION_CONFIG_FILE, read_generation_config
from tf_gpt2.tokenizer import Tokenizer

from .calibration import round_weights
from .golden import golden_trace
from .quantization import StoredTensor, store
from .weights_manifest import write_manifest

BUNDLE_FILE = "bundle.json"
GOLDEN_FILE = "golden.json"
FORMAT = "tf_gpt2-bundle"
VERSION = 4  # a page refuses a bundle of another one


def write_bundle(run_dir: str | os.PathLike, output: str | os.PathLike, dtype: str) -> dict:
    """Writes the bundle; an older one in `output` is replaced when the new one is complete.

    Args:
        run_dir: A model directory.
        output: Directory to write.
        dtype: "int8", "float16" or "float32".

    Returns:
        The content of `bundle.json`.

    Raises:
        UserError: The model cannot be read, or `output` holds something else or cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    config = load_config(run_dir)
    tokenizer = Tokenizer.load(run_dir)
    if tokenizer.vocab_size > config.vocabulary_size:
        raise UserError(
            f"{run_dir}: the tokenizer must have at most the model's {config.vocabulary_size} ids; received "
            f"{tokenizer.vocab_size}. Take the tokenizer the model was trained with"
        )
    stored = stored_weights(config, load_weights(run_dir, config), tokenizer, dtype)
    with replacing_folder(output, marker=BUNDLE_FILE) as folder:
        shards = _write_weights(folder, stored)
        _write_json(folder / CONFIG_FILE, to_hugging_face(config, tokenizer.end_of_text_id))
        settings = GenerationSettings.for_model(read_generation_config(run_dir))
        _write_json(folder / GENERATION_CONFIG_FILE, settings.as_generation_config())
        tokenizer.save(folder)
        (folder / "tokenizer_config.json").unlink(missing_ok=True)
        values = {name: tensor.value for name, tensor in stored.items()}
        _write_json(folder / GOLDEN_FILE, golden_trace(config, values, tokenizer))
        bundle = {
            "format": FORMAT,
            "version": VERSION,
            "dtype": dtype,
            "parameters": config.num_parameters,
            "tokenizer": tokenizer_facts(tokenizer),
            "int8": {
                name: {"shape": tensor.shape, "channel_axis": tensor.channel_axis}
                for name, tensor in stored.items()
                if tensor.channel_axis is not None
            },
            "shards": shards,
            **describe_files(folder),
        }
        _write_json(folder / BUNDLE_FILE, bundle)
    return bundle


def stored_weights(
    config: GPT2Config, weights: Mapping[str, Any], tokenizer: Tokenizer, dtype: str
) -> dict[str, StoredTensor]:
    """All weights as the bundle holds them, by Hugging Face name.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        tokenizer: The model's tokenizer.
        dtype: "int8", "float16" or "float32".

    Raises:
        UserError: For int8: the model does not compute finite numbers.
    """
    rounded = round_weights(config, weights, tokenizer) if dtype == "int8" else {}
    return {name: store(name, array, dtype, rounded.get(name)) for name, array in weights.items()}


def tokenizer_facts(tokenizer: Tokenizer) -> dict:
    """What a reader of tokenizer.json must know and cannot find there.

    The token that ends a text may be named by another file of the model directory, or go by rules of its format.

    Returns:
        {"kind", "end_of_text_id", "vocabulary_size"}.
    """
    return {
        "kind": tokenizer.kind,
        "end_of_text_id": tokenizer.end_of_text_id,
        "vocabulary_size": tokenizer.vocab_size,
    }


def describe_files(folder: pathlib.Path) -> dict:
    """Bytes and SHA-256 of every file, and the bytes of all: {"files": [{"path", "bytes", "sha256"}], "bytes"}."""
    files = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        files.append({"path": path.relative_to(folder).as_posix(), "bytes": len(content), "sha256": digest})
    return {"files": files, "bytes": sum(file["bytes"] for file in files)}


def _write_weights(folder, stored):
    """Returns the names of the shards in their order."""
    arrays = {name: array for tensor in stored.values() for name, array in tensor.arrays.items()}
    # By falling alignment, since tiles are multiples of 64 bytes: then the page can use everything where it lies.
    order = {"int32": 0, "float32": 1, "float16": 2}
    return write_manifest(folder, dict(sorted(arrays.items(), key=lambda item: order[item[1].dtype.name])))


def _write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", "utf-8")
