"""A matrix rounded to int8 with one scale an output channel, so that its products come out near.

Rounding each weight to the nearest step makes the weights near. What a model computes is nearer when every input's
rounding errors are made up for by the weights of the inputs that come after it, as far as these move together: GPTQ
(Frantar et al. 2022, algorithm 1, with their order of falling activations).
"""

import typing

import numpy as np

INT8_MAX = 127
# Share of the mean activation that every input gets on top of its own. Of a text with fewer tokens than the matrix
# has inputs the covariance alone says that errors in most directions cost nothing.
DAMPING = 0.1
BLOCK = 64  # inputs whose errors are passed on together


class Int8Matrix(typing.NamedTuple):
    """A matrix [in, out] as integers and scales.

    Attributes:
        integers: [in, out] int8, from -127 to 127.
        scale: [out] float32; a weight is its integer times its column's scale.
    """

    integers: np.ndarray
    scale: np.ndarray

    @property
    def value(self) -> np.ndarray:
        """The weights [in, out] float32 that the integers stand for."""
        return self.integers.astype(np.float32) * self.scale


def round_to_nearest(matrix: np.ndarray) -> Int8Matrix:
    """Rounds each weight of a matrix [in, out] float32 by itself."""
    scale = _scale(matrix)
    return Int8Matrix(_integers(matrix / scale), scale)


def round_for_products(matrix: np.ndarray, covariance: np.ndarray, damping: float = DAMPING) -> Int8Matrix:
    """Rounds a matrix so that its products with activations of this covariance are near.

    Args:
        matrix: [in, out] float32.
        covariance: [in, in], the mean of x x^T over activations x [in]; finite.
        damping: In shares of the mean of the covariance's diagonal. 1 weighs the weights themselves as much as
            the products.

    Returns:
        The rounded matrix. Its scales are those of `round_to_nearest`.
    """
    scale = _scale(matrix)
    order = np.argsort(-covariance.diagonal(), kind="stable")
    factor = _inverse_factor(covariance[np.ix_(order, order)], damping).astype(np.float32)
    rest = matrix[order] / scale  # in steps
    integers = np.empty(rest.shape, np.int8)
    for start in range(0, len(rest), BLOCK):
        stop = min(start + BLOCK, len(rest))
        errors = np.empty((stop - start, rest.shape[1]), np.float32)
        for i in range(start, stop):
            integers[i] = _integers(rest[i])
            errors[i - start] = (rest[i] - integers[i]) / factor[i, i]
            rest[i + 1 : stop] -= factor[i, i + 1 : stop, None] * errors[i - start]
        rest[stop:] -= factor[start:stop, stop:].T @ errors
    in_place = np.empty_like(integers)
    in_place[order] = integers
    return Int8Matrix(in_place, scale)


def _inverse_factor(covariance, damping):
    """The upper triangular U [in, in] with U^T U the inverse of the damped covariance."""
    covariance = covariance.astype(np.float64)
    level = np.trace(covariance) / len(covariance) or 1.0
    damped = covariance + damping * level * np.eye(len(covariance))
    # With the inputs backwards Cholesky's L is an upper V with V V^T the damped covariance, and U is its inverse.
    lower = np.linalg.cholesky(np.ascontiguousarray(damped[::-1, ::-1]))
    return _invert_upper(np.ascontiguousarray(lower[::-1, ::-1]))


def _invert_upper(matrix):
    """The inverse of an upper triangular matrix, by halves: NumPy's own would not use the zeros."""
    if len(matrix) <= BLOCK:
        return np.linalg.inv(matrix)
    half = len(matrix) // 2
    inverse = np.zeros_like(matrix)
    inverse[:half, :half] = first = _invert_upper(matrix[:half, :half])
    inverse[half:, half:] = last = _invert_upper(matrix[half:, half:])
    inverse[:half, half:] = -first @ (matrix[:half, half:] @ last)
    return inverse


def _scale(matrix):
    scale = np.abs(matrix).max(axis=0) / INT8_MAX
    return np.where(scale > 0, scale, 1.0).astype(np.float32)


def _integers(steps):
    return np.clip(np.rint(steps), -INT8_MAX, INT8_MAX).astype(np.int8)
