"""KerasHub opens what is written, computes the same, and writes the same text."""

import json

import checkpoints
import keras
import numpy as np
import pytest
from conftest import random_weights

from export.formats.keras_hub import write_keras_hub
from tf_gpt2 import generation
from tf_gpt2.config import GPT2Config
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.model_directory import load_model, save_model_directory
from tf_gpt2.tokenizer import Tokenizer

TEXT = "却说曹操引兵，a b\n"
LENGTH = 48  # tokens of prompt and text together


def _logits(folder, ids):
    return np.array(load_model(folder)[0](ids[None].astype(np.int32)))[0]


def _keras_hub(folder):
    keras_hub = pytest.importorskip("keras_hub")
    return keras_hub.models.GPT2CausalLM.from_preset(str(folder))


def _keras_hub_logits(model, ids):
    return np.array(model({"token_ids": ids[None], "padding_mask": np.ones_like(ids)[None]}))[0]


def _swapped(ids):
    """Ids with 0 and 1 in each other's place: the end of text and what has come to KerasHub's padding."""
    return np.where(ids < 2, 1 - ids, ids)


def _unswapped(logits_of):
    """A function of ids as the model has them and the logits in that order, from one of the preset's ids."""

    def logits(ids):
        result = logits_of(_swapped(ids)).copy()
        result[:, [0, 1]] = result[:, [1, 0]]
        return result

    return logits


@pytest.fixture
def character_run(tmp_path):
    tokenizer = Tokenizer.train_characters([TEXT])
    config = GPT2Config(tokenizer.vocab_size, context_length=64, num_layers=2, num_heads=2, hidden_dim=16)
    save_model_directory(tmp_path / "run", config, random_weights(config), tokenizer)
    return tmp_path / "run"


def test_keras_hub_opens_it_and_so_do_we(tmp_path):
    write_keras_hub(checkpoints.FOLDER / "openai", tmp_path / "preset")
    checkpoints.check_logits("openai", _unswapped(lambda ids: _logits(tmp_path / "preset", ids)))
    model = _keras_hub(tmp_path / "preset")
    checkpoints.check_logits("openai", _unswapped(lambda ids: _keras_hub_logits(model, ids)))
    assert not (tmp_path / "preset" / "vocabulary.json").exists()


def test_a_character_model_keeps_ids_and_logits(character_run, tmp_path):
    written = write_keras_hub(character_run, tmp_path / "preset")
    tokenizer = Tokenizer.load(character_run)
    ids = tokenizer.encode(TEXT)
    model = _keras_hub(tmp_path / "preset")
    logits = _keras_hub_logits(model, ids)
    assert logits.shape[-1] == tokenizer.vocab_size + written["added_tokens"]
    np.testing.assert_allclose(logits[:, 2 : tokenizer.vocab_size], _logits(character_run, ids)[:, 2:], atol=1e-4)
    theirs = model.preprocessor.tokenizer
    np.testing.assert_array_equal(np.array(theirs(TEXT)), ids)
    assert theirs.detokenize(ids) == TEXT
    assert json.loads((tmp_path / "preset/config.json").read_text())["class_name"] == "GPT2Backbone"
    assert keras.config.floatx() == "float32"


def test_the_end_of_text_is_not_what_keras_hub_pads_with(character_run, tmp_path):
    write_keras_hub(character_run, tmp_path / "preset")
    theirs = _keras_hub(tmp_path / "preset").preprocessor.tokenizer
    assert (theirs.end_token_id, theirs.pad_token_id) == (1, 0)
    assert Tokenizer.load(tmp_path / "preset").end_of_text_id == 1
    assert Tokenizer.load(character_run).end_of_text_id == 0


@pytest.mark.parametrize("source", [pytest.param("openai", marks=pytest.mark.slow), "characters"])
def test_its_own_generate_writes_our_text(source, character_run, tmp_path):
    run_dir = character_run if source == "characters" else checkpoints.FOLDER / source
    write_keras_hub(run_dir, tmp_path / "preset")
    model = _keras_hub(tmp_path / "preset")
    model.compile(sampler="greedy")
    prompts = ["却说曹操", "a b"] if source == "characters" else ["It was the", "the best of"]
    ours, preset = generation.load(run_dir), generation.load(tmp_path / "preset")
    expected = [_written(ours, prompt) for prompt in prompts]
    assert min(map(len, expected)) > 10
    assert [model.generate(prompt, max_length=LENGTH) for prompt in prompts] == expected
    assert model.generate(prompts, max_length=LENGTH) == expected
    assert [_written(preset, prompt) for prompt in prompts] == expected


def _written(writer, prompt):
    """The likeliest text as a document's beginning, which KerasHub takes every prompt for."""
    tokenizer = writer.tokenizer
    ids = np.array([tokenizer.end_of_text_id, *tokenizer.encode(prompt)], np.int32)
    settings = GenerationSettings(temperature=0.0, max_new_tokens=LENGTH - len(ids))
    session = writer.engine.start([ids], settings, 0, [0], [0])
    while session.active[0]:
        session.advance(LENGTH)
    return tokenizer.decode([*ids, *session.tokens[0]], skip_special_tokens=True)
