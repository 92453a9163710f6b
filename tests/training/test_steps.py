import functools

import keras
import numpy as np
import numpy_gpt2
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import IGNORED
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import model_weights
from tf_gpt2.training.optimizer import build_optimizer
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.steps import EvalStep, TrainStep, counted_targets

CONFIG = GPT2Config(vocabulary_size=31, context_length=8, num_layers=2, num_heads=2, hidden_dim=16, dropout=0.0)


def _model():
    keras.utils.set_random_seed(0)
    return build_model(CONFIG)


def _batch(rows=4):
    tokens = np.random.default_rng(2).integers(0, 31, (rows, 9)).astype(np.int32)
    return tokens[:, :-1], tokens[:, 1:]


def _numpy_losses(model, x, y):
    weights = model_weights(model, CONFIG)
    rows = [numpy_gpt2.logits(weights, ids, CONFIG)[0] for ids in x]
    return np.array(
        [-np.log(numpy_gpt2.softmax(logits)[np.arange(len(t)), t]) for logits, t in zip(rows, y, strict=True)]
    )


@functools.cache
def _train(optimizer, accumulation_steps, steps=3):
    """(losses, weights after them, how often the whole step was traced)"""
    model = _model()
    built = build_optimizer(Recipe(batch_size=4, optimizer=optimizer), model.trainable_variables)
    built.learning_rate = 1e-2
    variables = model.trainable_variables
    step = TrainStep(model, built, variables, accumulation_steps)
    losses = [float(step(*_batch())) for _ in range(steps)]
    return losses, model_weights(model, CONFIG), step._whole.experimental_get_tracing_count()


def test_the_loss_is_the_mean_cross_entropy():
    expected = _numpy_losses(_model(), *_batch()).mean()
    assert _train("adamw", 1)[0][0] == pytest.approx(expected, abs=1e-5)


# Muon in parts: distributed/test_several_devices.py, with dropout.
@pytest.mark.parametrize("optimizer", ["adamw", pytest.param("muon", marks=pytest.mark.slow)])
def test_accumulating_parts_equals_the_whole_batch(optimizer):
    losses, weights, _ = _train(optimizer, 1)
    part_losses, part_weights, _ = _train(optimizer, 2)
    np.testing.assert_allclose(part_losses, losses, rtol=1e-5)
    assert losses[-1] < losses[0]
    for name, array in weights.items():
        np.testing.assert_allclose(part_weights[name], array, atol=2e-4, err_msg=name)


def test_gradients_of_parts_add_up_to_those_of_the_batch():
    """Also where the parts have different numbers of targets that count."""
    model = _model()
    variables = model.trainable_variables
    x, y = _batch()
    y = y.copy()
    y[:2, 2:] = IGNORED
    counted = counted_targets(y)
    step = TrainStep(model, build_optimizer(Recipe(batch_size=4), variables), variables, 2)
    loss, whole = step._loss_and_gradients(x, y, counted)
    parts = [
        step._accumulate(x[rows], y[rows], tf.constant(rows.start, tf.uint32), counted)
        for rows in (slice(0, 2), slice(2, 4))
    ]
    assert float(sum(parts)) == pytest.approx(float(loss), abs=1e-6)
    for total, gradient in zip(step._sums, whole, strict=True):
        np.testing.assert_allclose(total, tf.convert_to_tensor(gradient), atol=1e-6)


def test_evaluation_leaves_ignored_targets_out():
    model = _model()
    x, y = _batch()
    expected = _numpy_losses(model, x, y)
    y = y.copy()
    y[2:, 3:] = IGNORED
    counted = y != IGNORED
    loss, count = EvalStep(model).mean_loss([(x, y), (x, y)])
    assert count == 2 * counted.sum()
    assert loss == pytest.approx(expected[counted].mean(), abs=1e-5)


def test_a_second_step_does_not_retrace():
    assert _train("adamw", 1)[2] == 1
