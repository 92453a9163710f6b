"""Keras's Muon with its orthogonalisation computed for all matrices of a shape at once, and with fewer products.

Shapes: G matrices of one shape, n rows, m columns, n <= m.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops


class BatchedMuon(keras.optimizers.Muon):
    """Muon as in Keras, up to rounding; variables and their order are Keras's.

    Args:
        gram: Whether wide matrices are iterated as n x n Gram matrices. Needs true float32 products: noise in the
            Gram matrix grows by 3.4445^2 an iteration, which the TF32 of a GPU would not stand.
        side_by_side: By name of a variable, how many matrices its columns hold; each moves as if it were a
            variable. One projection to queries, keys and values is three maps, which differ in size (Jordan 2024).
        **kwargs: As for `keras.optimizers.Muon`.
    """

    def __init__(self, *, gram: bool, side_by_side: Mapping[str, int] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.gram = gram
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
            found = self.zeropower_via_newtonschulz5(ops.stack(wide), self.ns_steps)  # [G, n, m]
            for row, index in enumerate(places):
                results[index] = _turned(found[row], matrices[index].shape)
        return results

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Orthogonalises every matrix of x [G, n, m], n <= m, by Newton-Schulz iterations (Jordan 2024).

        With A = X X^T an iteration is X <- P X, P = a I + b A + c A^2. P and A commute, so A <- P A P, and the
        product of all P can be gathered in n x n matrices and meet X once. That saves products when m > 1.5 n.
        """
        x = x / (ops.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
        rows, columns = x.shape[-2:]
        if not (self.gram and columns > 1.5 * rows):
            for _ in range(steps):
                x = ops.matmul(self._polynomial(ops.matmul(x, ops.swapaxes(x, -1, -2))), x)
            return x
        gram = ops.matmul(x, ops.swapaxes(x, -1, -2))  # [G, n, n]
        gathered = None
        for step in range(steps):
            factor = self._polynomial(gram)
            gathered = factor if gathered is None else ops.matmul(factor, gathered)
            if step < steps - 1:
                gram = ops.matmul(ops.matmul(factor, gram), factor)
        return ops.matmul(gathered, x)

    def _polynomial(self, gram):
        """a I + b A + c A^2 of A = `gram` [G, n, n]."""
        identity = ops.eye(gram.shape[-1], dtype=gram.dtype)
        return self.muon_a * identity + self.muon_b * gram + self.muon_c * ops.matmul(gram, gram)


def _turned(matrix, shape):
    """A matrix that belongs with one of `shape`, transposed where that one has more rows than columns."""
    return matrix if shape[0] <= shape[1] else ops.transpose(matrix)
