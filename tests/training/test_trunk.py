"""Every form that spares memory against the plain one: loss, gradients, dropout's masks, and what is kept."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import IGNORED
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_model
from tf_gpt2.training.memory import Sparing
from tf_gpt2.training.steps import next_token_loss
from tf_gpt2.training.trunk import SparingLoss

SHAPE = {"vocabulary_size": 31, "context_length": 12, "num_layers": 2, "num_heads": 2, "hidden_dim": 16}
FORMS = [
    Sparing(chunk=7),
    Sparing(strip=5, chunk=100, remat="blocks"),
    Sparing(strip=4, chunk=11, remat="full"),
]


@pytest.fixture
def losses_and_gradients(eager_or_compiled):
    return functools.partial(_losses_and_gradients, eager_or_compiled)


@functools.cache
def _losses_and_gradients(way, sparing, dropout, tied=True):
    """Losses and gradients of two calls with the variables of the dropout's counters after them."""
    keras.utils.set_random_seed(1)
    model = build_model(GPT2Config(**SHAPE, dropout=dropout, tie_embeddings=tied))
    values = np.random.default_rng(3)
    for (
        variable
    ) in model.trainable_variables:  # matrices larger than a new model's, so that all softmaxes are uneven
        matrix = len(variable.shape) == 2
        variable.assign(values.normal(size=variable.shape) * 0.12 if matrix else variable.value * 6.0)
    objective = SparingLoss(model, sparing) if sparing else next_token_loss
    tokens = np.random.default_rng(2).integers(0, 31, (3, 13)).astype(np.int32)
    x, y = tokens[:, :-1], tokens[:, 1:].copy()
    y[1, 3:8] = IGNORED

    @tf.function(jit_compile=True)
    def compute(x, y):
        with tf.GradientTape() as tape:
            loss = objective(model, x, y, True) / 10
        return loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, [v.value for v in weights])]

    weights = model.trainable_variables
    results = []
    for _ in range(2):
        loss, gradients = compute(x, y)
        results += [loss, *gradients]
    return [np.asarray(part) for part in results], [np.asarray(v.value) for v in model.non_trainable_variables]


def _compare(spared, plain):
    for one, other in zip(spared, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, np.abs(other).max()))


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("sparing", FORMS, ids=str)
def test_each_form_gives_the_loss_and_gradients_of_the_plain_one(losses_and_gradients, sparing, dropout):
    plain, counters = losses_and_gradients(None, dropout)
    spared, own_counters = losses_and_gradients(sparing, dropout)
    _compare(spared, plain)
    np.testing.assert_equal(own_counters, counters)


def test_an_output_projection_of_its_own(losses_and_gradients):
    plain, _ = losses_and_gradients(None, 0.1, tied=False)
    spared, _ = losses_and_gradients(FORMS[-1], 0.1, tied=False)
    _compare(spared, plain)


@pytest.mark.parametrize("sparing", FORMS, ids=str)
def test_evaluation_is_the_same(sparing):
    config = GPT2Config(**SHAPE, dropout=0.2)
    model = build_model(config)
    tokens = np.random.default_rng(2).integers(0, 31, (3, 13)).astype(np.int32)
    x, y = tokens[:, :-1], tokens[:, 1:].copy()
    y[0, :4] = IGNORED
    expected = float(next_token_loss(model, x, y, False))
    assert float(SparingLoss(model, sparing)(model, x, y, False)) == pytest.approx(expected, rel=1e-5)


def _products(remat):
    """How many products of matrices the compiled gradient has."""
    model = build_model(GPT2Config(**SHAPE, dropout=0.1))
    objective, weights = SparingLoss(model, Sparing(remat=remat)), [v.value for v in model.trainable_variables]

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = objective(model, x, x, True)
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    ids = tf.zeros((2, 12), tf.int32)
    return gradient.experimental_get_compiler_ir(ids)(stage="optimized_hlo").count(" dot(")


def test_remat_computes_again():
    """The five products of a block whose results its gradient needs: else it would have been kept."""
    assert _products("blocks") == _products("none") + 5 * SHAPE["num_layers"]


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match="remat"):
        Sparing(remat="some")
    with pytest.raises(UserError, match="chunk"):
        Sparing(chunk=-1)
