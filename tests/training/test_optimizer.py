import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.training.optimizer import build_optimizer, weight_decay_variable
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


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_matrices_decay_and_vectors_do_not(name):
    matrix = keras.Variable(np.ones((3, 3), "float32"), name="kernel")
    embedding = keras.Variable(np.ones((3, 3), "float32"), name="token_embedding")
    vector = keras.Variable(np.ones(3, "float32"), name="bias")
    variables = [matrix, embedding, vector]
    optimizer = build_optimizer(Recipe(batch_size=1, optimizer=name, weight_decay=0.5), variables)
    optimizer.learning_rate = 0.1
    zeros = [tf.zeros(v.shape) for v in variables]
    tf.function(lambda: optimizer.apply(zeros, variables), jit_compile=True)()
    np.testing.assert_allclose(np.asarray(matrix), 0.95)
    np.testing.assert_allclose(np.asarray(embedding), 0.95)
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


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_the_decay_may_be_settled_after_compiling(name):
    recipe = Recipe(batch_size=1, optimizer=name, weight_decay=0.5)
    variable = keras.Variable(np.ones((3, 3), "float32"), name="kernel")
    decay = weight_decay_variable(recipe)
    optimizer = build_optimizer(recipe, [variable], decay=decay)
    optimizer.learning_rate = 0.1
    step = tf.function(lambda: optimizer.apply([tf.zeros((3, 3))], [variable]), jit_compile=True)
    step()
    decay.assign(0.0)
    step()
    decay.assign(1.0)
    step()
    np.testing.assert_allclose(np.asarray(variable), 0.95 * 0.9, rtol=1e-6)
    assert not any(own is decay for own in optimizer.variables)  # checkpoints of earlier runs fit
