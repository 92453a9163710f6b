"""What is written opens again, here and in gpt-2-simple, with the same logits."""

import importlib.util
import json
import os
import subprocess
import sys

import checkpoints
import numpy as np
import pytest
import tensorflow as tf
from commands import call, error_line
from conftest import random_weights

from export.formats import openai
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import load_model, save_model_directory
from tf_gpt2.tokenizer import Tokenizer

TEXT = "却说曹操引兵，a b\n"


@pytest.fixture(scope="module")
def characters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    tokenizer = Tokenizer.train_characters([TEXT])
    config = GPT2Config(tokenizer.vocab_size, context_length=64, num_layers=2, num_heads=2, hidden_dim=16)
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return folder


def _logits(folder, ids):
    return np.array(load_model(folder)[0](ids[None].astype(np.int32)))[0]


@pytest.mark.parametrize("name", ["openai", "hugging_face", "keras_hub"])
def test_round_trip(tmp_path, name):
    written = openai.write_openai(checkpoints.FOLDER / name, tmp_path / "out")
    assert written["added_tokens"] == 0
    checkpoints.check_logits(name, lambda ids: _logits(tmp_path / "out", ids))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "checkpoint", "encoder.json", "hparams.json", "model.ckpt.data-00000-of-00001", "model.ckpt.index",
        "vocab.bpe",
    ]  # fmt: skip


def test_the_variables_are_openais(tmp_path):
    openai.write_openai(checkpoints.FOLDER / "openai", tmp_path / "out")
    ours = tf.train.load_checkpoint(str(tmp_path / "out"))
    original = tf.train.load_checkpoint(str(checkpoints.FOLDER / "openai"))
    assert ours.get_variable_to_shape_map() == original.get_variable_to_shape_map()
    for name in original.get_variable_to_shape_map():
        np.testing.assert_array_equal(ours.get_tensor(name), original.get_tensor(name))


def test_a_character_model_keeps_ids_and_logits(tmp_path, characters):
    written = openai.write_openai(characters, tmp_path / "out")
    tokenizer, other = Tokenizer.load(characters), Tokenizer.load(tmp_path / "out")
    ids = tokenizer.encode(TEXT * 4)
    np.testing.assert_array_equal(other.encode(TEXT * 4), ids)
    logits = _logits(tmp_path / "out", ids)
    assert logits.shape[-1] == tokenizer.vocab_size + written["added_tokens"]
    np.testing.assert_allclose(logits[:, : tokenizer.vocab_size], _logits(characters, ids), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tie_embeddings": False}, "tied"),
        ({"layer_norm_epsilon": 1e-6}, "epsilon"),
        ({"intermediate_dim": 8}, "MLP"),
    ],
)
def test_what_the_format_cannot_say_is_refused(change, message):
    config = GPT2Config(10, num_layers=1, num_heads=1, hidden_dim=4, **change)
    with pytest.raises(UserError, match=message):
        openai.require_plain(config, "OpenAI's format")


def test_the_command(tmp_path):
    code, output, errors = call(
        "export.openai", f"--run_dir={checkpoints.FOLDER / 'openai'}", f"--output={tmp_path / 'out'}"
    )
    assert (code, errors) == (0, "")
    assert json.loads(output)["vocabulary_size"] == 284
    line = error_line("export.openai", f"--run_dir={checkpoints.FOLDER / 'gpt2_chinese'}", "--output=never")
    assert "WordPiece" in line


# In a process of its own: importing gpt-2-simple turns eager execution off.
_GPT_2_SIMPLE = """
import json, sys
import numpy as np
import gpt_2_simple as gpt2
import tensorflow as tf
from gpt_2_simple.src import encoder, model

folder, text = sys.argv[1:]
ids = encoder.get_encoder(f"{folder}/mine").encode(text)
session = gpt2.start_tf_sess()
gpt2.load_gpt2(session, model_name="mine", model_dir=folder)
hparams = model.default_hparams()
hparams.override_from_dict(json.load(open(f"{folder}/mine/hparams.json")))
given = tf.compat.v1.placeholder(tf.int32, [1, None])
logits = session.run(model.model(hparams, given, reuse=True)["logits"], {given: [ids]})[0]
np.savez(f"{folder}/theirs.npz", ids=ids, logits=logits)
"""


@pytest.mark.skipif(importlib.util.find_spec("gpt_2_simple") is None, reason="needs gpt-2-simple")
def test_gpt_2_simple_opens_it_live(tmp_path, characters):
    openai.write_openai(characters, tmp_path / "mine")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _GPT_2_SIMPLE, str(tmp_path), TEXT]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    theirs = np.load(tmp_path / "theirs.npz")
    ids = Tokenizer.load(characters).encode(TEXT)
    np.testing.assert_array_equal(theirs["ids"], ids)
    ours = _logits(characters, ids)
    np.testing.assert_allclose(theirs["logits"][:, : ours.shape[-1]], ours, atol=checkpoints.TOLERANCE)
