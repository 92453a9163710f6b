import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.model import build_model
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.optimizer import build_optimizer
from tf_gpt2.training.settings import Recipe, Schedule

SCHEDULE = Schedule(steps=100, learning_rate=1.0, warmup_steps=9, final_learning_rate_share=0.2)


def test_learning_rate_rises_linearly_and_falls_by_a_cosine_to_its_share():
    rates = [SCHEDULE.rate_after(step) for step in range(101)]
    np.testing.assert_allclose(rates[:9], np.arange(1, 10) / 10)
    assert rates[9] == max(rates) == 1.0
    assert np.all(np.diff(rates[9:]) < 0)
    assert rates[100] == pytest.approx(0.2)
    assert SCHEDULE.rate_after(9 + 91 // 2) == pytest.approx(0.6, abs=0.02)


def test_a_run_of_one_step_learns():
    assert Schedule(steps=1, learning_rate=0.5).rate_after(0) == 0.5


@pytest.mark.parametrize(("name", "times"), [("muon", 1), ("muon", 3), ("adamw", 1)])
def test_matrices_decay_and_vectors_do_not(name, times):
    matrix = keras.Variable(np.ones((3, 3), "float32"), name="kernel")
    embedding = keras.Variable(np.ones((3, 3), "float32"), name="token_embedding")
    vector = keras.Variable(np.ones(3, "float32"), name="bias")
    variables = [matrix, embedding, vector]
    recipe = Recipe(batch_size=1, optimizer=name, weight_decay=0.5, embedding_decay=times)
    optimizer = build_optimizer(recipe, variables)
    optimizer.learning_rate = 0.1
    zeros = [tf.zeros(v.shape) for v in variables]
    tf.function(lambda: optimizer.apply(zeros, variables), jit_compile=True)()
    np.testing.assert_allclose(np.asarray(matrix), 0.95)
    np.testing.assert_allclose(np.asarray(embedding), 1 - 0.05 * times)
    np.testing.assert_allclose(np.asarray(vector), 1.0)


def test_gradients_are_clipped_by_their_global_norm():
    moved = []
    for scale in (1.0, 1000.0):
        variable = keras.Variable(np.zeros(4, "float32"), name="bias")
        optimizer = build_optimizer(Recipe(batch_size=1, optimizer="adamw", clip_norm=1.0), [variable])
        optimizer.apply([np.full(4, 10 * scale, "float32")], [variable])
        moved.append(np.asarray(optimizer._momentums[0]))
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-6)
    assert np.linalg.norm(moved[0]) == pytest.approx(0.1, rel=1e-5)  # (1 - beta_1) times a gradient of norm 1


@pytest.mark.parametrize("name", ["muon", pytest.param("adamw", marks=pytest.mark.slow)])
def test_a_recipe_may_be_settled_after_compiling(name):
    """A step that was compiled (and timed) before has the constants of then in it."""
    shape = {"context_length": 4, "num_layers": 1, "num_heads": 1, "hidden_dim": 8, "dropout": 0.0}
    recipe = Recipe(batch_size=1, optimizer=name, weight_decay=0.5)
    config = GPT2Config(vocabulary_size=9, **shape)
    other = dataclasses.replace(recipe, weight_decay=0.1, embedding_rate=2.0, embedding_decay=3.0)
    learners = [Learner(build_model(config), given) for given in (recipe, other)]
    x = np.array([[1, 2, 3, 4]], np.int32)
    learners[0].step(x, x, 0.1)
    learners[0].follow(other)
    for variable, other in zip(*(learner.variables for learner in learners), strict=True):
        other.assign(variable)
    for learner in learners:
        learner.step(x, x, 0.1)
    for variable, other in zip(*(learner.variables for learner in learners), strict=True):
        np.testing.assert_array_equal(np.asarray(variable.value), np.asarray(other.value))
