"""The bundle holds the model: sizes, hashes, values; and its exporter refuses what it must."""

import base64
import hashlib
import json
import shutil

import checkpoints
import numpy as np
import pytest
from bundle_reader import read_weights
from conftest import random_weights

from export.browser.bundle import stored_weights, write_bundle
from export.browser.quantization import DTYPES, store
from export.browser.weights_manifest import SHARD_BYTES
from export.formats.hugging_face import write_huggingface
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings
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


@pytest.mark.parametrize(
    ("model", "dtype"),
    [
        *((tied, dtype) for tied in (True, False) for dtype in DTYPES if tied or dtype != "int8"),
        pytest.param(False, "int8", marks=pytest.mark.slow),
    ],
    indirect=["model"],
)
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
    weights = load_weights(folder, config)
    stored = stored_weights(config, weights, Tokenizer.load(folder), dtype)
    read = read_weights(tmp_path / "bundle")
    assert read.keys() == weights.keys()
    for name, value in read.items():
        np.testing.assert_array_equal(value, stored[name].value)
        # Of a channel's largest weight 1/127 is a step of int8; rounding for products may go several away.
        share = {"int8": 0.05, "float16": 2**-11, "float32": 0}[dtype]
        assert np.abs(value - weights[name]).max() <= share * np.abs(weights[name]).max()
    assert (dtype == "int8") == bool(bundle["int8"])
    assert bundle["shards"] == ["group1-shard1of1.bin"]


@pytest.mark.parametrize(
    ("brought", "wanted"),
    [
        (None, {}),
        ('{"top_k": 5, "temperature": 0.7, "eos_token_id": 3}', {"top_k": 5, "temperature": 0.7}),
        ('{"do_sample": false, "top_p": 7}', {"do_sample": False, "temperature": 0.0}),
        ("{", {}),
    ],
)
def test_the_bundle_has_all_settings_whatever_the_model_brings(model, tmp_path, brought, wanted):
    folder = tmp_path / "model"
    shutil.copytree(model[0], folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if brought is not None:
        (folder / "generation_config.json").write_text(brought, "utf-8")
    write_bundle(folder, tmp_path / "bundle", "float32")
    written = json.loads((tmp_path / "bundle" / "generation_config.json").read_text("utf-8"))
    assert written == GenerationSettings().as_generation_config() | wanted


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
def test_nothing_but_known_fields_is_published(model, tmp_path, name):
    """A folder from a stranger may hold a link to a file of this machine."""
    folder = tmp_path / "model"
    shutil.copytree(model[0], folder)
    own = json.loads((folder / name).read_text("utf-8"))
    private = tmp_path / "private.json"
    private.write_text(
        json.dumps({**own, "password": "a secret", "top_k": "a secret", "task_specific": ["a secret"]})
    )
    (folder / name).unlink()
    (folder / name).symlink_to(private)
    write_bundle(folder, tmp_path / "bundle", "float32")
    write_huggingface(folder, tmp_path / "published")
    for path in [*(tmp_path / "bundle").iterdir(), *(tmp_path / "published").iterdir()]:
        assert b"a secret" not in path.read_bytes(), path
    assert json.loads((tmp_path / "bundle" / "config.json").read_text("utf-8"))["n_embd"] > 0


@pytest.mark.parametrize("name", ["openai", "keras_hub"])
def test_the_page_learns_the_shape_of_a_model_of_any_format(name, tmp_path):
    write_bundle(checkpoints.FOLDER / name, tmp_path / "bundle", "float32")
    config = json.loads((tmp_path / "bundle" / "config.json").read_text("utf-8"))
    assert (config["n_layer"], config["n_embd"], config["n_positions"], config["vocab_size"]) == (2, 16, 64, 284)


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
    write_bundle(folder, tmp_path / "bundle", "float16")
    assert not (tmp_path / "bundle" / "old.bin").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", "utf-8")
    with pytest.raises(UserError, match="holds something else"):
        write_bundle(folder, tmp_path / "thesis", "float16")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_without_a_rounding_int8_takes_the_nearest_step():
    array = np.random.default_rng(0).normal(0, 1, (5, 7)).astype(np.float32)
    for name, axis in (("h.0.mlp.c_fc.weight", 0), ("wte.weight", 1)):
        step = np.abs(array).max(axis, keepdims=True) / 127
        assert np.all(np.abs(store(name, array, "int8").value - array) <= 0.501 * step)


def test_a_channel_of_zeros_stays_zero():
    value = store("h.0.mlp.c_fc.weight", np.zeros((3, 5), np.float32), "int8").value
    np.testing.assert_array_equal(value, np.zeros((3, 5)))


@pytest.mark.tfjs
def test_graph_model_is_a_standard_one(model, tmp_path):
    from export.browser.graph_model import write_graph_model

    folder, config = model
    write_graph_model(folder, tmp_path / "graph_model")
    described = json.loads((tmp_path / "graph_model" / "model.json").read_text("utf-8"))
    assert described["format"] == "graph-model"
    [output] = described["signature"]["outputs"].values()
    assert output["tensorShape"]["dim"][-1]["size"] == str(config.vocabulary_size)


def test_site_needs_a_built_page(model, tmp_path):
    from export.browser.site import write_site

    with pytest.raises(UserError, match="make web"):
        write_site(model[0], tmp_path / "site", page=tmp_path)
