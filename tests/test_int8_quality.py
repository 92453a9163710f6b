"""What int8 costs, on a small model: the benchmark computes what the product does, and counts right."""

import json

import numpy as np
import pytest
from conftest import random_weights

from benchmarks import int8_quality
from tf_gpt2.config import GPT2Config

CONFIG = GPT2Config(97, context_length=12, num_layers=2, num_heads=3, hidden_dim=24)


@pytest.fixture(scope="module")
def weights():
    return random_weights(CONFIG, seed=3)


def ids(count, seed=0):
    return np.random.default_rng(seed).integers(0, CONFIG.vocabulary_size, count)


def nearest(weights):
    """What a bundle gives back when each weight is rounded by itself."""
    from export.browser.quantization import store

    return {name: store(name, array, "int8").value for name, array in weights.items()}


def test_float32_figures_are_those_of_the_product(weights):
    from tf_gpt2.model import build_model
    from tf_gpt2.model_directory import assign_weights

    model = build_model(CONFIG)
    assign_weights(model, CONFIG, weights)
    batch = ids(24).reshape(2, 12)
    logits = np.asarray(model(batch), np.float64)
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(int8_quality.log_probabilities(CONFIG, weights, batch), expected, atol=2e-5)


def test_thirteen_bits_round_each_vector_by_at_most_half_a_step():
    x = np.random.default_rng(1).normal(0, [[1e-3], [1], [50]], (3, 40)).astype(np.float32)
    x[1] = 0
    rounded = int8_quality.round_vectors(x, int8_quality.ACTIVATION_MAX)
    step = np.abs(x).max(-1, keepdims=True) / 4095
    assert np.all(np.abs(rounded - x) <= 0.5001 * step)
    assert not np.array_equal(rounded[0], x[0])  # it does round
    np.testing.assert_array_equal(rounded[1], 0)


def test_every_token_counts_once_and_int8_costs_little(weights):
    text = ids(60)
    figures = int8_quality.compare(CONFIG, weights, nearest(weights), text)
    # Predicted from all that is seen in half-overlapping windows, token by token.
    nats, same = [], []
    for place in range(1, len(text)):
        start = 0 if place <= 12 else min(-(-(place - 12) // 6) * 6, len(text) - 1 - 12)
        scores = int8_quality.log_probabilities(CONFIG, weights, text[None, start:place])[0, -1]
        nats.append(-scores[text[place]])
        same.append(scores.argmax())
    assert figures["loss_float32"] == pytest.approx(np.mean(nats), rel=1e-5)
    assert figures["greedy_positions"] == 59
    assert figures["loss_int8"] != figures["loss_float32"]
    assert abs(figures["relative_loss_difference"]) < 0.05
    assert figures["greedy_agreement"] > 0.8


def test_a_model_that_int8_holds_exactly_loses_nothing():
    exact = nearest(random_weights(CONFIG, seed=4))
    figures = int8_quality.compare(CONFIG, exact, nearest(exact), ids(40))
    assert figures["loss_int8"] == pytest.approx(figures["loss_float32"], rel=1e-3)  # 13 bits remain
    assert figures["greedy_agreement"] >= 38 / 39


def test_the_last_line_is_json(weights, tmp_path, capsys):
    from tf_gpt2.model_directory import save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    text = "却说曹操引兵来到城下，只见城上旗号。" * 40
    tokenizer = Tokenizer.train_characters([text])
    config = GPT2Config(tokenizer.vocab_size, context_length=12, num_layers=1, num_heads=3, hidden_dim=24)
    save_model_directory(tmp_path / "model", config, random_weights(config), tokenizer)
    (tmp_path / "book.txt").write_text(text, "utf-8")
    arguments = ["--run_dir", str(tmp_path / "model"), "--corpus", str(tmp_path / "book.txt"), "--held_out", "0.1"]
    losses = {}
    for rounding, extra in (("products", []), ("nearest", ["--nearest"])):
        int8_quality.main(arguments + extra)
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (figures["rounding"], figures["characters"], figures["greedy_positions"]) == (rounding, 72, 72)
        losses[rounding] = figures["loss_int8"]
    assert losses["products"] != losses["nearest"]
