"""BatchedMuon moves every variable as Keras's Muon does, by Gram matrices and without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.training.muon import BatchedMuon

SHAPES = {"a": (8, 24), "b": (24, 8), "c": (8, 24), "square": (8, 8), "bias": (8,), "embedding": (11, 8)}


def _trained(optimizer_class, **kwargs):
    values = np.random.default_rng(0)
    variables = [
        keras.Variable(values.normal(size=shape).astype("float32"), name=name) for name, shape in SHAPES.items()
    ]
    optimizer = optimizer_class(learning_rate=0.01, weight_decay=0.1, global_clipnorm=1.0, **kwargs)
    optimizer.build(variables)

    @tf.function(jit_compile=True)
    def step(gradients):
        optimizer.apply(gradients, variables)

    for _ in range(5):
        step([tf.constant(values.normal(size=v.shape).astype("float32")) for v in variables])
    return [np.array(v.value) for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("gram", [True, False])
def test_equals_keras(gram):
    expected = _trained(keras.optimizers.Muon)
    for ours, theirs in zip(_trained(BatchedMuon, gram=gram), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gram", [True, False])
def test_matrices_side_by_side_move_as_if_each_were_alone(gram):
    values = np.random.default_rng(2)
    first, gradients = values.normal(size=(8, 24)).astype("float32"), values.normal(size=(5, 8, 24))

    def trained(parts, **kwargs):
        variables = [keras.Variable(part, name="abc"[at]) for at, part in enumerate(parts(first))]
        optimizer = BatchedMuon(gram=gram, learning_rate=0.01, weight_decay=0.1, **kwargs)
        optimizer.build(variables)
        for gradient in gradients.astype("float32"):
            optimizer.apply([tf.constant(part) for part in parts(gradient)], variables)
        return np.concatenate([np.array(v.value) for v in variables], axis=1)

    apart = trained(lambda whole: np.split(whole, 3, axis=1))
    np.testing.assert_allclose(trained(lambda whole: [whole], side_by_side={"a": 3}), apart, atol=1e-5)
    assert np.abs(trained(lambda whole: [whole]) - apart).max() > 1e-3


def test_gram_iteration_of_an_ill_conditioned_matrix_matches_float64():
    values = np.random.default_rng(1)
    left, _ = np.linalg.qr(values.normal(size=(48, 48)))
    right, _ = np.linalg.qr(values.normal(size=(192, 48)))
    matrix = (left * np.logspace(0, -5, 48)) @ right.T
    expected = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        gram = expected @ expected.T
        expected = (3.4445 * np.eye(48) - 4.7750 * gram + 2.0315 * gram @ gram) @ expected
    ours = BatchedMuon(gram=True).zeropower_via_newtonschulz5(tf.constant(matrix[None], tf.float32), 5)
    np.testing.assert_allclose(ours[0], expected, atol=1e-3)
