"""BatchedMuon moves variables as Keras's Muon does but for its orthogonalisation, by Gram matrices and without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.training.muon import BatchedMuon

SHAPES = {"a": (8, 24), "b": (24, 8), "c": (8, 24), "square": (8, 8), "bias": (8,), "embedding": (11, 8)}
# Of s, which is at most 1: odd polynomials, one after the other.
POLYNOMIALS = ((8.093369, -23.62043, 17.446152), (3.636586, -2.721927, 0.536546), (2.6613, -1.977155, 0.452616))


def _brought_near_one(matrix):
    """The matrix with its singular values through the polynomials, by its decomposition in float64."""
    left, values, right = np.linalg.svd(np.asarray(matrix, np.float64), full_matrices=False)
    values = values / np.sum(values**4) ** 0.25
    for a, b, c in POLYNOMIALS:
        values = a * values + b * values**3 + c * values**5
    return (left * values) @ right


class Reference(keras.optimizers.Muon):
    """Keras's Muon with the same orthogonalisation, computed another way."""

    def zeropower_via_newtonschulz5(self, x, steps):
        return tf.ensure_shape(
            tf.numpy_function(lambda m: _brought_near_one(m).astype("float32"), [x], tf.float32), x.shape
        )


def _trained(optimizer_class, *, compiled=True, **kwargs):
    values = np.random.default_rng(0)
    variables = [
        keras.Variable(values.normal(size=shape).astype("float32"), name=name) for name, shape in SHAPES.items()
    ]
    optimizer = optimizer_class(learning_rate=0.01, weight_decay=0.1, global_clipnorm=1.0, **kwargs)
    optimizer.build(variables)

    step = tf.function(lambda gradients: optimizer.apply(gradients, variables), jit_compile=compiled)
    for _ in range(5):
        step([tf.constant(values.normal(size=v.shape).astype("float32")) for v in variables])
    return [np.array(v.value) for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("gram", [True, False])
def test_equals_keras_with_another_orthogonalisation(gram):
    expected = _trained(Reference, compiled=False)
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


@pytest.mark.parametrize("gram", [True, False])
def test_an_ill_conditioned_matrix_matches_float64(gram):
    values = np.random.default_rng(1)
    left, _ = np.linalg.qr(values.normal(size=(48, 48)))
    right, _ = np.linalg.qr(values.normal(size=(192, 48)))
    matrix = (left * np.logspace(0, -5, 48)) @ right.T
    ours = BatchedMuon(gram=gram)._orthogonal(tf.constant(matrix[None], tf.float32))
    np.testing.assert_allclose(ours[0], _brought_near_one(matrix), atol=1e-3)


def test_singular_values_from_a_hundredth_of_the_largest_on_come_near_one():
    pairs = np.stack([np.diag([1.0, least]) for least in np.geomspace(0.012, 1, 40)])
    moved = BatchedMuon(gram=True)._orthogonal(tf.constant(pairs, tf.float32))
    found = np.linalg.svd(moved, compute_uv=False)
    assert found.min() > 0.7
    assert found.max() < 1.3


def test_a_matrix_of_zeros_stays_one():
    moved = BatchedMuon(gram=True)._orthogonal(tf.zeros((1, 4, 4)))
    np.testing.assert_array_equal(moved, np.zeros((1, 4, 4)))


def test_embeddings_have_a_rate_of_their_own():
    def moved(rate):
        shapes = {"embeddings": (3, 2), "kernel": (3, 2), "bias": (3,)}
        with keras.name_scope("token_embedding"):
            embeddings = keras.Variable(np.zeros(shapes["embeddings"], "float32"), name="embeddings")
        others = [keras.Variable(np.zeros(shapes[name], "float32"), name=name) for name in ("kernel", "bias")]
        variables = [embeddings, *others]
        optimizer = BatchedMuon(gram=True, embedding_rate=rate, learning_rate=0.01)
        optimizer.build(variables)
        optimizer.apply([tf.ones(v.shape) for v in variables], variables)
        return [np.array(v.value) for v in variables]

    once, thrice = moved(1.0), moved(3.0)
    assert np.abs(once[0]).min() > 0.009
    np.testing.assert_allclose(thrice[0], 3 * once[0], rtol=1e-6)
    for other, same in zip(thrice[1:], once[1:], strict=True):
        np.testing.assert_array_equal(other, same)
