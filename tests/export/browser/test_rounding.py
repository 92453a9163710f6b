"""Matrices rounded for their products: as the published algorithm does it, and better than one weight at a time."""

import numpy as np
import pytest

from export.browser.rounding import round_for_products, round_to_nearest


def correlated_activations(inputs, count=4000, seed=0):
    """Activations [count, inputs] that move together and differ in size."""
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(count, inputs // 3 + 1)) @ generator.normal(size=(inputs // 3 + 1, inputs))
    return (mixed * generator.uniform(0.2, 3, inputs) + 0.3 * generator.normal(size=(count, inputs))).astype(
        np.float32
    )


def random_matrix(inputs, outputs, seed=1):
    return np.random.default_rng(seed).normal(size=(inputs, outputs)).astype(np.float32)


def published_algorithm(matrix, covariance, damping):
    """GPTQ without its shortcuts: after each input the inverse for those that are left is computed anew."""
    inputs = len(matrix)
    hessian = covariance + damping * np.trace(covariance) / inputs * np.eye(inputs)
    order = np.argsort(-covariance.diagonal(), kind="stable")
    scale = np.abs(matrix).max(axis=0) / 127
    rest, rounded = matrix.astype(np.float64), np.empty(matrix.shape)
    for place, i in enumerate(order):
        rounded[i] = np.clip(np.rint(rest[i] / scale), -127, 127) * scale
        left = order[place:]
        inverse = np.linalg.inv(hessian[np.ix_(left, left)])
        rest[left] -= np.outer(inverse[:, 0] / inverse[0, 0], rest[i] - rounded[i])
    return rounded


def test_it_is_the_published_algorithm():
    x, matrix = correlated_activations(150), random_matrix(150, 40)  # more inputs than two blocks
    covariance = x.T @ x / len(x)
    expected = published_algorithm(matrix, covariance.astype(np.float64), 0.1)
    rounded = round_for_products(matrix, covariance, 0.1)
    # Where a weight falls between two steps float32 decides, and what follows goes another way.
    assert np.mean(np.abs(rounded.value - expected) < 1e-5) > 0.98


@pytest.mark.parametrize(("inputs", "outputs"), [(150, 40), (64, 1), (7, 33)])
def test_products_are_nearer_than_those_of_the_nearest_weights(inputs, outputs):
    x, unseen = np.split(correlated_activations(inputs, count=8000), 2)
    matrix = random_matrix(inputs, outputs)
    rounded = round_for_products(matrix, x.T @ x / len(x), 0.01)
    errors = [np.square(unseen @ (form.value - matrix)).mean() for form in (rounded, round_to_nearest(matrix))]
    assert errors[0] < 0.6 * errors[1]
    assert np.abs(rounded.integers.astype(int)).max() <= 127
    np.testing.assert_array_equal(rounded.scale, round_to_nearest(matrix).scale)


@pytest.mark.parametrize("covariance", [np.eye(20), np.zeros((20, 20)), np.diag(np.arange(20.0))])
def test_inputs_that_do_not_move_together_are_rounded_to_the_nearest_step(covariance):
    matrix = random_matrix(20, 6)
    matrix[:, 2] = 0
    rounded = round_for_products(matrix, covariance.astype(np.float32))
    np.testing.assert_array_equal(rounded.integers, round_to_nearest(matrix).integers)
    np.testing.assert_array_equal(rounded.value[:, 2], 0)


def test_an_input_that_is_never_active_and_a_text_shorter_than_the_inputs_do_no_harm():
    x, matrix = correlated_activations(90, count=10), random_matrix(90, 8)
    x[:, 5] = 0
    rounded = round_for_products(matrix, x.T @ x / len(x))
    assert np.abs(rounded.value - matrix).max() < 0.2 * np.abs(matrix).max()
    assert (
        np.square(x @ (rounded.value - matrix)).mean()
        < np.square(x @ (round_to_nearest(matrix).value - matrix)).mean()
    )
