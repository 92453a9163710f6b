"""Our attention is what BertViz shows of the same model directory, and our candidates are transformers' own.

The environment is made once in the checkout, from pinned versions; PyTorch alone takes some 800 MB.
"""

import json
import os
import subprocess

import numpy as np
import pytest
from conftest import random_weights
from peer_environments import PEERS, python_of

import tf_gpt2
from tf_gpt2.config import GPT2Config
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

pytestmark = pytest.mark.slow
TEXTS = {
    "characters": "喬峯帶阿朱回到北方，喬峯對她說：「我們兩人永遠留在這裡！」😀",
    "bpe": "It was the best of times, it was the worst of times 却.",
}


@pytest.fixture(scope="module", params=TEXTS)
def case(request, tmp_path_factory):
    """A model directory's inspection, and what the programs say of the same text."""
    folder, text = tmp_path_factory.mktemp("model"), TEXTS[request.param]
    by_character = request.param == "characters"
    tokenizer = Tokenizer.train_characters([text[:-1]]) if by_character else Tokenizer.train_bpe([text * 20], 300)
    config = GPT2Config(tokenizer.vocab_size, context_length=64, num_layers=3, num_heads=4, hidden_dim=32)
    save_model_directory(folder, config, random_weights(config), tokenizer)
    model = tf_gpt2.load(folder)
    seen = model.inspect(text)
    done = subprocess.run(
        [python_of("bertviz"), PEERS / "attend.py"],
        input=json.dumps({"folder": str(folder), "ids": seen.ids.tolist()}),
        capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return model, seen, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("program", ["transformers", "model_view", "head_view"])
def test_the_attention_is_ours(case, program):
    _, seen, found = case
    theirs = np.array(found[program])
    assert theirs.shape == seen.attention.shape
    np.testing.assert_allclose(seen.attention, theirs, atol=1e-5)


def test_the_ten_likeliest_are_ours_in_the_same_order(case):
    model, seen, found = case
    candidates, choices = model.candidates(seen.text), seen.candidates()
    assert [c.id for c in candidates] == [c.id for c in choices] == found["ids"]
    np.testing.assert_allclose([c.probability for c in candidates], found["probabilities"], atol=1e-5)
    np.testing.assert_allclose([c.probability for c in choices], found["probabilities"], atol=1e-5)
