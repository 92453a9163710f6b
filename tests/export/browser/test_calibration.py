"""Int8 weights chosen by the model's own text."""

import dataclasses

import numpy as np
import pytest
from conftest import random_weights

from export.browser.calibration import TABLE_DAMPING, own_text, round_along, round_weights
from export.browser.numpy_forward import forward, product_matrix
from export.browser.rounding import DAMPING, round_for_products, round_to_nearest
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.formats.weights import HEAD, TABLE
from tf_gpt2.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train_characters(["却说曹操引兵来到城下，只见城上旗号。"])


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def config(request, tokenizer):
    return GPT2Config(
        tokenizer.vocab_size,
        context_length=50,
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        tie_embeddings=request.param,
    )


def logits(config, weights, matrices, ids):
    return forward(config, weights, ids, lambda name, x: x @ matrices(name))


# The text does not know whether the table is tied.
@pytest.mark.parametrize(
    "config", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["tied", "untied"], indirect=True
)
def test_own_text_is_the_same_each_time_and_fits_the_context(config, tokenizer):
    weights = random_weights(config)
    ids = own_text(config, weights, tokenizer)
    assert ids.shape == (32, 50)  # of 16 rows of 128 tokens two windows each
    assert (ids[::2, 0] == tokenizer.end_of_text_id).all()
    assert ids.max() < tokenizer.vocab_size
    assert len(np.unique(ids[::2], axis=0)) == 16
    np.testing.assert_array_equal(own_text(config, weights, tokenizer), ids)
    long = dataclasses.replace(config, context_length=300)
    assert own_text(long, random_weights(long), tokenizer).shape == (16, 128)


def test_logits_are_nearer_than_with_the_nearest_weights(config, tokenizer):
    weights = random_weights(config, seed=1, scale=0.2)
    rounded = round_weights(config, weights, tokenizer)
    nearest = {name: round_to_nearest(product_matrix(weights, name)) for name in rounded}
    assert len(rounded) == 9
    assert (TABLE if config.tie_embeddings else HEAD) in rounded
    ids = np.random.default_rng(2).integers(0, config.vocabulary_size, (40, 50))
    exact = logits(config, weights, lambda name: product_matrix(weights, name), ids)
    errors = [
        np.square(logits(config, weights, lambda name, m=m: m[name].value, ids) - exact).mean()
        for m in (rounded, nearest)
    ]
    assert errors[0] < 0.8 * errors[1]


def test_each_matrix_is_rounded_for_what_the_rounded_ones_before_it_give(config):
    weights = random_weights(config)
    ids = np.random.default_rng(3).integers(0, config.vocabulary_size, (4, 50))
    rounded = round_along(config, weights, ids)

    def product(name, x):
        rows = x.reshape(-1, x.shape[-1])
        damping = TABLE_DAMPING if name == TABLE else DAMPING
        expected = round_for_products(product_matrix(weights, name), rows.T @ rows / np.float32(len(rows)), damping)
        np.testing.assert_array_equal(rounded[name].value, expected.value)
        return x @ rounded[name].value

    forward(config, weights, ids, product)


@pytest.mark.parametrize("name", ["ln_f.bias", "h.1.mlp.c_fc.weight", "wte.weight"])
def test_numbers_that_are_none_are_refused(name, config):
    weights = random_weights(config)
    weights[name].flat[3] = np.nan
    with pytest.raises(UserError, match="finite numbers"):
        round_along(config, weights, np.zeros((1, 8), np.int32))
