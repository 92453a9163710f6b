import json

import numpy as np
import pytest
import safetensors.numpy
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.model_directory import (
    load_config,
    load_generation_config,
    load_model,
    load_weights,
    model_weights,
    save_model_directory,
    tensor_shapes,
)
from tf_gpt2.tokenizer import Tokenizer

CONFIG = GPT2Config(vocabulary_size=262, context_length=16, num_layers=2, num_heads=2, hidden_dim=8)


@pytest.fixture
def folder(tmp_path):
    save_model_directory(tmp_path, CONFIG, random_weights(CONFIG), Tokenizer.train_characters(["却说曹操"]))
    return tmp_path


@pytest.mark.parametrize("tied", [True, False])
def test_model_directory_round_trips(tmp_path, tied):
    config = GPT2Config(**{**CONFIG.__dict__, "tie_embeddings": tied})
    weights = random_weights(config)
    save_model_directory(tmp_path, config, weights, Tokenizer.train_characters(["却说曹操"]))
    model, loaded = load_model(tmp_path)
    assert loaded == config
    for name, array in model_weights(model, config).items():
        np.testing.assert_array_equal(array, weights[name], err_msg=name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_transformers_is_told_what_it_needs(folder):
    """Without these, version 4 adds token_type_ids to the embeddings, and batches and converters fail."""
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    end = "<|endoftext|>"
    assert settings["model_input_names"] == ["input_ids", "attention_mask"]
    assert [settings[f"{kind}_token"] for kind in ("bos", "eos", "pad", "unk")] == [end] * 4
    assert (settings["padding_side"], settings["model_max_length"]) == ("left", CONFIG.context_length)
    assert json.loads((folder / "config.json").read_text())["n_ctx"] == CONFIG.context_length


@pytest.mark.parametrize(
    ("context", "length"),
    [(64, {"max_length": 64}), (399, {"max_length": 399}), (400, {"max_new_tokens": 200})],
)
def test_transformers_does_not_write_past_a_short_context(tmp_path, context, length):
    tokenizer = Tokenizer.train_characters(["ab"])
    config = GPT2Config(tokenizer.vocab_size, context_length=context, num_layers=1, num_heads=1, hidden_dim=4)
    save_model_directory(tmp_path, config, random_weights(config), tokenizer)
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert {name: written[name] for name in ("max_length", "max_new_tokens") if name in written} == length
    assert GenerationSettings.for_model(load_generation_config(tmp_path)) == GenerationSettings()


def test_tensor_names_and_layouts_are_hugging_faces(folder):
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    assert tensors["transformer.h.1.attn.c_attn.weight"].shape == (8, 24)
    assert tensors["transformer.wte.weight"].shape == (262, 8)
    assert len(tensors) == 4 + 12 * CONFIG.num_layers
    assert sum(array.size for array in tensors.values()) == CONFIG.num_parameters


def test_a_checkpoint_without_prefix_opens(folder):
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    bare = {name.removeprefix("transformer."): array for name, array in tensors.items()}
    safetensors.numpy.save_file(bare, folder / "model.safetensors")
    np.testing.assert_array_equal(load_weights(folder, CONFIG)["ln_f.bias"], bare["ln_f.bias"])


def _edit_config(folder, **changes):
    path = folder / "config.json"
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "llama"),
        ({"activation_function": "relu"}, "relu"),
        ({"n_layer": None}, "n_layer"),
        ({"n_embd": 10**15}, "hidden_dim"),
        ({"n_head": 3}, "num_heads"),
        ({"vocab_size": "many"}, "vocab_size must be a valid integer; received 'many'"),
    ],
)
def test_a_wrong_config_is_refused_with_the_file_and_the_field(folder, changes, message):
    _edit_config(folder, **changes)
    with pytest.raises(UserError, match=message) as error:
        load_config(folder)
    assert "config.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_weights_of_another_shape_name_the_tensor(folder):
    with pytest.raises(UserError, match="wpe.weight"):
        load_weights(folder, GPT2Config(**{**CONFIG.__dict__, "context_length": 17}))


def test_a_missing_tensor_is_named(folder):
    with pytest.raises(UserError, match=r"h\.2\.ln_1\.weight"):
        load_weights(folder, GPT2Config(**{**CONFIG.__dict__, "num_layers": 3}))


@pytest.mark.parametrize("damage", [b"", b"\xff" * 64, None])
def test_damaged_weights_are_one_clear_line(folder, damage):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(UserError, match="damaged"):
        load_weights(folder, CONFIG)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match="no directory"):
        load_config(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"config\.json is missing"):
        load_config(tmp_path)
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        load_weights(tmp_path, CONFIG)


def test_every_tensor_of_the_model_has_a_name():
    model_names = set(tensor_shapes(CONFIG))
    assert len(model_names) == 4 + 12 * CONFIG.num_layers
