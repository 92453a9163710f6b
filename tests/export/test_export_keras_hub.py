"""KerasHub opens what is written and computes the same."""

import json

import checkpoints
import keras
import numpy as np
import pytest
from conftest import random_weights

from export.formats.keras_hub import write_keras_hub
from tf_gpt2.config import GPT2Config
from tf_gpt2.model_directory import load_model, save_model_directory
from tf_gpt2.tokenizer import Tokenizer

TEXT = "却说曹操引兵，a b\n"


def _logits(folder, ids):
    return np.array(load_model(folder)[0](ids[None].astype(np.int32)))[0]


def _keras_hub_logits(folder, ids):
    keras_hub = pytest.importorskip("keras_hub")
    model = keras_hub.models.GPT2CausalLM.from_preset(str(folder))
    return np.array(model({"token_ids": ids[None], "padding_mask": np.ones_like(ids)[None]}))[0], model


def test_keras_hub_opens_it_and_so_do_we(tmp_path):
    write_keras_hub(checkpoints.FOLDER / "openai", tmp_path / "preset")
    checkpoints.check_logits("openai", lambda ids: _logits(tmp_path / "preset", ids))
    checkpoints.check_logits("openai", lambda ids: _keras_hub_logits(tmp_path / "preset", ids)[0])
    assert not (tmp_path / "preset" / "vocabulary.json").exists()


def test_a_character_model_keeps_ids_and_logits(tmp_path):
    tokenizer = Tokenizer.train_characters([TEXT])
    config = GPT2Config(tokenizer.vocab_size, context_length=64, num_layers=2, num_heads=2, hidden_dim=16)
    save_model_directory(tmp_path / "run", config, random_weights(config), tokenizer)
    written = write_keras_hub(tmp_path / "run", tmp_path / "preset")
    ids = tokenizer.encode(TEXT)
    logits, model = _keras_hub_logits(tmp_path / "preset", ids)
    assert logits.shape[-1] == tokenizer.vocab_size + written["added_tokens"]
    np.testing.assert_allclose(logits[:, : tokenizer.vocab_size], _logits(tmp_path / "run", ids), atol=1e-4)
    theirs = model.preprocessor.tokenizer
    np.testing.assert_array_equal(np.array(theirs(TEXT)), ids)
    assert theirs.detokenize(ids) == TEXT
    assert json.loads((tmp_path / "preset/config.json").read_text())["class_name"] == "GPT2Backbone"
    assert keras.config.floatx() == "float32"
