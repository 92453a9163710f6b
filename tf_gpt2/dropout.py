"""Dropout whose random bits cost little: on CPU, Keras's were a twentieth of a training step of an 82 M model."""

from typing import Any

import keras
from keras import ops

_GOLDEN = 0x9E3779B9  # 2**32 divided by the golden ratio


@keras.saving.register_keras_serializable("tf_gpt2")
class Dropout(keras.layers.Dropout):
    """Dropout (Srivastava et al. 2014, scaled while training) with a counter-based hash as generator.

    Element i of call n keeps its value when hash(seed, n, i), 32 bits, is at least rate * 2**32. The hash is
    lowbias32 (Wellons 2018, hash-prospector) with a second key word between its rounds. Name and seed variable are
    those of Keras's layer.
    """

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        kept = ops.reshape(self._bits(ops.size(inputs)), ops.shape(inputs)) >= _uint32(round(self.rate * 2**32))
        return ops.where(kept, inputs * (1 / (1 - self.rate)), ops.zeros((), inputs.dtype))

    def _bits(self, size):
        """Random bits [size], uint32."""
        seed, count = ops.unstack(ops.cast(self.seed_generator.next(), "uint32"), 2)
        first = _mix(count ^ _mix(seed))
        return _mix(ops.cast(ops.arange(size), "uint32") ^ first, _mix(first + _uint32(_GOLDEN)))


def _uint32(number):
    return ops.convert_to_tensor(number, "uint32")


def _mix(x, key=None):
    """lowbias32 of x, uint32 of any shape; `key` changes it half way."""
    x = (x ^ ops.right_shift(x, _uint32(16))) * _uint32(0x7FEB352D)
    x = x if key is None else x ^ key
    x = (x ^ ops.right_shift(x, _uint32(15))) * _uint32(0x846CA68B)
    return x ^ ops.right_shift(x, _uint32(16))
