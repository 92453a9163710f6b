"""Keras's Muon with its orthogonalisation computed for all matrices of a shape at once, and with fewer products.

Shapes: G matrices of one shape, n rows, m columns, n <= m.
"""

from typing import Any

import keras
from keras import ops


class BatchedMuon(keras.optimizers.Muon):
    """Muon as in Keras, up to rounding; variables and their order are Keras's.

    Args:
        gram: Whether wide matrices are iterated as n x n Gram matrices. Needs true float32 products: noise in the
            Gram matrix grows by 3.4445^2 an iteration, which the TF32 of a GPU would not stand.
        **kwargs: As for `keras.optimizers.Muon`.
    """

    def __init__(self, *, gram: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.gram = gram

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        by_adam, by_shape = [], {}
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            if self._should_use_adamw(variable):
                by_adam.append((gradient, variable))
            else:
                by_shape.setdefault(tuple(sorted(variable.shape)), []).append((gradient, variable))
        if by_adam:
            super()._backend_update_step(*map(list, zip(*by_adam, strict=True)), learning_rate)
        for pairs in by_shape.values():
            self._update_matrices(pairs, learning_rate)

    def _update_matrices(self, pairs, learning_rate):
        """Moves the matrices of `pairs` (gradient, variable), all [n, m] or [m, n]."""
        directions = []
        for gradient, variable in pairs:
            momentum = self.momentums[self._get_variable_index(variable)]
            self.assign_add(momentum, gradient + momentum * (self.momentum - 1))
            direction = gradient + self.momentum * momentum if self.nesterov else ops.convert_to_tensor(momentum)
            wide = variable.shape[0] <= variable.shape[1]
            directions.append(direction if wide else ops.transpose(direction))
        updates = self.zeropower_via_newtonschulz5(ops.stack(directions), self.ns_steps)  # [G, n, m]
        for index, (_, variable) in enumerate(pairs):
            wide = variable.shape[0] <= variable.shape[1]
            update = updates[index] if wide else ops.transpose(updates[index])
            self.assign_sub(variable, self.lr_adjust(learning_rate * update))

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
