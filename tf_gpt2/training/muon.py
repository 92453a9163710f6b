"""Keras's Muon with an orthogonalisation of fewer products, computed for all matrices of a shape at once.

Shapes: G matrices of one shape, n rows, m columns, n <= m.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

# a s + b s^3 + c s^5, one after the other: they take singular values s from 0.01 to 1 to 1 +- 0.27. Each has the
# least largest error on the interval that those before it leave (Amsel et al. 2025, "The Polar Express", section
# 3). Five iterations of one polynomial (Jordan 2024) win no more: docs/notes/recipe.md.
_POLYNOMIALS = (
    (8.093369, -23.620430, 17.446152),
    (3.636586, -2.721927, 0.536546),
    (2.661300, -1.977155, 0.452616),
)
_LEAST_NORM = 1e-7  # a matrix of zeros stays one


class BatchedMuon(keras.optimizers.Muon):
    """Muon as in Keras but for the orthogonalisation; variables and their order are Keras's.

    Args:
        gram: Whether wide matrices are iterated as n x n Gram matrices. Needs true float32 products: noise in the
            Gram matrix grows by the square of `a` an iteration, which the TF32 of a GPU would not stand.
        side_by_side: By name of a variable, how many matrices its columns hold; each moves as if it were a
            variable. One projection to queries, keys and values is three maps, which differ in size (Jordan 2024).
        embedding_rate: Learning rate of the embeddings, which move by Adam, in learning rates of all else.
        **kwargs: As for `keras.optimizers.Muon`.
    """

    def __init__(
        self,
        *,
        gram: bool,
        side_by_side: Mapping[str, int] | None = None,
        embedding_rate: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.gram = gram
        self.embedding_rate = embedding_rate
        self.side_by_side = dict(side_by_side or {})

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        by_adam, by_muon = [], []
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            (by_adam if self._should_use_adamw(variable) else by_muon).append((gradient, variable))
        if by_adam:
            super()._backend_update_step(*map(list, zip(*by_adam, strict=True)), learning_rate)
        directions = [self._directions(gradient, variable) for gradient, variable in by_muon]
        updates = iter(self._orthogonalised([matrix for matrices in directions for matrix in matrices]))
        for (_, variable), matrices in zip(by_muon, directions, strict=True):
            moves = [self.lr_adjust(learning_rate * update) for update in itertools.islice(updates, len(matrices))]
            self.assign_sub(variable, moves[0] if len(moves) == 1 else ops.concatenate(moves, axis=1))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves a variable by Adam: an embedding, which has two axes, or a vector."""
        rate = self.embedding_rate if len(variable.shape) == 2 else 1.0
        super().update_step(gradient, variable, learning_rate * rate)

    def _directions(self, gradient, variable):
        """The matrices of a variable's momentum, looked ahead where `nesterov` says so."""
        momentum = self.momentums[self._get_variable_index(variable)]
        self.assign_add(momentum, gradient + momentum * (self.momentum - 1))
        direction = gradient + self.momentum * momentum if self.nesterov else ops.convert_to_tensor(momentum)
        count = self.side_by_side.get(variable.name, 1)
        return ops.split(direction, count, axis=1) if count > 1 else [direction]

    def _orthogonalised(self, matrices):
        """The matrices, [n, m] or [m, n], orthogonalised in their order, all of a shape at once."""
        by_shape: dict[tuple, list[int]] = {}
        for index, matrix in enumerate(matrices):
            by_shape.setdefault(tuple(sorted(matrix.shape)), []).append(index)
        results: list = [None] * len(matrices)
        for places in by_shape.values():
            wide = [_turned(matrices[index], matrices[index].shape) for index in places]
            found = self._orthogonal(ops.stack(wide))  # [G, n, m]
            for row, index in enumerate(places):
                results[index] = _turned(found[row], matrices[index].shape)
        return results

    def _orthogonal(self, x):
        """Every matrix of x [G, n, m], n <= m, with its singular values brought near 1.

        With A = X X^T an iteration is X <- P X, P = a I + b A + c A^2. P and A commute, so A <- P A P, and the
        product of all P can be gathered in n x n matrices and meet X once. That saves products when m > 1.5 n.
        """
        gram = _gram(x)  # [G, n, n]
        # Its root is no less than the largest singular value, and closer to it than the norm of X is.
        size = ops.norm(gram, axis=(-2, -1), keepdims=True) + _LEAST_NORM**2
        x, gram = x / ops.sqrt(size), gram / size
        gathers = self.gram and x.shape[-1] > 1.5 * x.shape[-2]
        gathered, last = None, _POLYNOMIALS[-1]
        for coefficients in _POLYNOMIALS:
            factor = _polynomial(gram, *coefficients)
            if gathers:
                gathered = factor if gathered is None else ops.matmul(factor, gathered)
            else:
                x = ops.matmul(factor, x)
            if coefficients is not last:
                gram = ops.matmul(ops.matmul(factor, gram), factor) if gathers else _gram(x)
        return ops.matmul(gathered, x) if gathers else x


def _gram(x):
    return ops.matmul(x, ops.swapaxes(x, -1, -2))


def _polynomial(gram, a, b, c):
    """a I + b A + c A^2 of A = `gram` [G, n, n]."""
    return a * ops.eye(gram.shape[-1], dtype=gram.dtype) + b * gram + c * ops.matmul(gram, gram)


def _turned(matrix, shape):
    """A matrix that belongs with one of `shape`, transposed where that one has more rows than columns."""
    return matrix if shape[0] <= shape[1] else ops.transpose(matrix)
