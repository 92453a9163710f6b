"""The bundle holds the model: sizes, hashes, values; and its exporter refuses what it must."""

import base64
import hashlib
import json

import numpy as np
import pytest
from conftest import random_weights

from export.bundle import SHARD_BYTES, write_bundle
from export.quantization import DTYPES, store
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import load_model, load_weights, save_model_directory
from tf_gpt2.tokenizer import Tokenizer


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer.train_characters(["却说曹操引兵来到城下。"])
    config = GPT2Config(
        tokenizer.vocab_size,
        context_length=20,
        num_layers=2,
        num_heads=2,
        hidden_dim=6,
        tie_embeddings=request.param,
    )
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return folder, config


def _read_stored(folder):
    """Arrays of the manifest by name, as tfjs's decodeWeights reads them."""
    [group] = json.loads((folder / "weights_manifest.json").read_text("utf-8"))
    data = b"".join((folder / path).read_bytes() for path in group["paths"])
    arrays, start = {}, 0
    for entry in group["weights"]:
        dtype = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
        count = int(np.prod(entry["shape"]))
        arrays[entry["name"]] = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
        start += count * dtype.itemsize
    assert start == len(data)
    return arrays


def _unpack_tiles(tiles, shape, axis):
    """The matrix of `shape`, weight by weight as docs/browser.md describes the tiles."""
    outputs, inputs = shape[axis], shape[1 - axis]
    pairs = (inputs + 1) // 2
    assert tiles.size == -(-outputs // 32) * pairs * 64
    tiles = tiles.copy()
    tiles[::2] ^= -128
    matrix = np.empty((outputs, inputs), np.int8)
    for output in range(outputs):
        for i in range(inputs):
            vector = output // 32 * pairs * 64 + i // 2 * 64 + output % 32 // 8 * 16
            matrix[output, i] = tiles[vector + output % 4 * 4 + i % 2 * 2 + output // 4 % 2]
    assert np.abs(tiles.astype(np.int64)).sum() == np.abs(matrix.astype(np.int64)).sum()  # all else is zero
    return matrix.T if axis == 1 else matrix


@pytest.mark.parametrize("dtype", DTYPES)
def test_bundle_describes_itself_and_holds_the_weights(model, dtype, tmp_path):
    folder, config = model
    bundle = write_bundle(folder, tmp_path / "bundle", dtype)
    paths = {path.name for path in (tmp_path / "bundle").iterdir()} - {"bundle.json"}
    assert {file["path"] for file in bundle["files"]} == paths
    for file in bundle["files"]:
        content = (tmp_path / "bundle" / file["path"]).read_bytes()
        assert len(content) == file["bytes"] <= SHARD_BYTES
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert bundle["bytes"] == sum(file["bytes"] for file in bundle["files"])
    arrays = _read_stored(tmp_path / "bundle")
    weights = load_weights(folder, config)
    for name, expected in weights.items():
        value = store(name, expected, dtype).value
        if described := bundle["int8"].get(name):
            axis = described["channel_axis"]
            quantised = _unpack_tiles(arrays[f"{name}/int8"].view(np.int8), described["shape"], axis)
            scale = np.expand_dims(arrays[f"{name}/scale"], 1 - axis)
            np.testing.assert_array_equal(quantised * scale, value)
            # Half a step of the channel's scale is the most that rounding can cost.
            assert np.all(np.abs(value - expected) <= 0.501 * scale)
        else:
            np.testing.assert_array_equal(arrays[name].astype(np.float32), value)
    assert (dtype == "int8") == bool(bundle["int8"])
    assert bundle["shards"] == ["group1-shard1of1.bin"]


def test_golden_trace_is_the_keras_models(model, tmp_path):
    folder, _ = model
    write_bundle(folder, tmp_path / "bundle", "float32")
    golden = json.loads((tmp_path / "bundle" / "golden.json").read_text("utf-8"))
    keras_model, _ = load_model(folder)
    logits = np.asarray(keras_model(np.array([golden["prompt_ids"]])))[0, -1]
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(golden["logits"]), "<f4"), logits, atol=1e-5)
    assert golden["greedy_ids"][0] == logits.argmax()


def test_an_earlier_bundle_is_replaced_and_anything_else_is_left_alone(model, tmp_path):
    folder, _ = model
    write_bundle(folder, tmp_path / "bundle", "float32")
    (tmp_path / "bundle" / "old.bin").write_bytes(b"old")
    write_bundle(folder, tmp_path / "bundle", "int8")
    assert not (tmp_path / "bundle" / "old.bin").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", "utf-8")
    with pytest.raises(UserError, match="holds something else"):
        write_bundle(folder, tmp_path / "thesis", "int8")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_a_channel_of_zeros_stays_zero():
    value = store("h.0.mlp.c_fc.weight", np.zeros((3, 5), np.float32), "int8").value
    np.testing.assert_array_equal(value, np.zeros((3, 5)))


def test_graph_model_is_a_standard_one(model, tmp_path):
    from export.graph_model import write_graph_model

    folder, config = model
    write_graph_model(folder, tmp_path / "graph_model")
    described = json.loads((tmp_path / "graph_model" / "model.json").read_text("utf-8"))
    assert described["format"] == "graph-model"
    [output] = described["signature"]["outputs"].values()
    assert output["tensorShape"]["dim"][-1]["size"] == str(config.vocabulary_size)


def test_site_needs_a_built_page(model, tmp_path):
    from export.site import write_site

    with pytest.raises(UserError, match="make web"):
        write_site(model[0], tmp_path / "site", page=tmp_path)
