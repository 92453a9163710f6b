"""KerasHub's presets, read without KerasHub."""

import json

import checkpoints
import h5py
import numpy as np
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.formats import keras_hub

BIAS = "layers/transformer_decoder/_feedforward_output_dense/vars/1"


@pytest.fixture
def folder(tmp_path):
    return checkpoints.copy("keras_hub", tmp_path)


def _open(folder):
    return keras_hub.open_weights(folder, keras_hub.read_config(folder))


def _replace(folder, name, **dataset):
    with h5py.File(folder / "model.weights.h5", "a") as file:
        if name in file:
            del file[name]
        if dataset:
            file.create_dataset(name, **dataset)


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        (BIAS, {}, "is missing"),
        (BIAS, {"data": np.zeros(17, "f")}, r"must have the shape \(16,\)"),
        ("layers/lora/vars/0", {"data": np.zeros(3, "f")}, "layers/lora/vars/0 has no place"),
        (BIAS, {"shape": (16,), "dtype": "f4"}, "not stored in the file in full"),
        (BIAS, {"shape": (10**12,), "dtype": "f4"}, "not stored in the file in full"),
    ],
)
def test_a_variable_that_does_not_belong_is_named(folder, name, dataset, message):
    _replace(folder, name, **dataset)
    with pytest.raises(UserError, match=message) as caught:
        _open(folder)
    assert name in str(caught.value)


def test_links_to_other_files_are_not_followed(folder, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones(16, "f")
    with h5py.File(folder / "model.weights.h5", "a") as file:
        del file[BIAS]
        file[BIAS] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
    with pytest.raises(UserError, match="is missing"):
        _open(folder)
    (tmp_path / "raw").write_bytes(bytes(64))
    _replace(folder, BIAS, shape=(16,), dtype="f4", external=[(str(tmp_path / "raw"), 0, 64)])
    with pytest.raises(UserError, match="not stored in the file"):
        _open(folder)


def test_integers_are_refused(folder):
    _replace(folder, BIAS, data=np.zeros(16, np.int32))
    with pytest.raises(UserError, match="floating-point"):
        _open(folder)["h.0.mlp.c_proj.bias"]


def test_half_precision_and_older_names_open(folder):
    values = np.linspace(-1, 1, 16).astype(np.float16)
    _replace(folder, BIAS, data=values)
    with h5py.File(folder / "model.weights.h5", "a") as file:
        group = "layers/transformer_decoder/_self_attention_layer"
        file.move(f"{group}/query_dense", f"{group}/_query_dense")
        file.create_dataset("layers/dropout/seed_generator/vars/0", data=np.zeros(2, np.uint32))
    weights = _open(folder)
    np.testing.assert_array_equal(weights["h.0.mlp.c_proj.bias"], values.astype(np.float32))
    assert weights["h.0.attn.c_attn.weight"].shape == (16, 48)


@pytest.mark.parametrize("length", [0, 100, 5000, -100])
def test_a_truncated_file_is_one_clear_line(folder, length):
    path = folder / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"h5 is damaged") as caught:
        _open(folder)
    assert "\n" not in str(caught.value)


def test_other_classes_and_missing_files_are_named(folder):
    (folder / "model.weights.h5").unlink()
    with pytest.raises(UserError, match=r"model\.weights\.h5 is missing"):
        _open(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "class_name": "LlamaBackbone"}))
    with pytest.raises(UserError, match="LlamaBackbone"):
        keras_hub.read_config(folder)
    del config["config"]["num_heads"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="num_heads"):
        keras_hub.read_config(folder)
