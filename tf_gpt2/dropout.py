"""Dropout whose random bits cost little: on CPU, Keras's were a twentieth of a training step of an 82 M model."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
from keras import ops

_GOLDEN = 0x9E3779B9  # 2**32 divided by the golden ratio


class Draw(NamedTuple):
    """What a call draws, uint32 scalars.

    Attributes:
        first: A key word.
        second: Another one.
        first_row: Where the call's rows begin in the whole batch; None where they are the whole batch.
    """

    first: Any
    second: Any
    first_row: Any = None


class PartOfBatch(contextlib.AbstractContextManager):
    """While it is entered, a forward pass computes only some rows of a batch: it draws their part of the masks.

    The masks of a batch are then the same, in however many parts, on however many devices it is computed. Counters
    stand still meanwhile, so that all parts draw from one call; `count` counts it.

    Args:
        first_row: Where the rows begin in the whole batch, a uint32 scalar.
    """

    def __init__(self, first_row: Any):
        self.first_row = first_row
        self.layers: list[Dropout] = []  # that drew

    def __enter__(self) -> "PartOfBatch":
        global _part
        self._around, _part = _part, self
        return self

    def __exit__(self, *_: object) -> None:
        global _part
        _part = self._around

    def count(self) -> None:
        """Counts the calls of the layers that drew, once for all parts."""
        for layer in self.layers:
            layer.seed_generator.next()


_part: PartOfBatch | None = None


class Draws:
    """The draws of the dropout layers that a piece of a forward pass calls, so that it can be computed again."""

    def __init__(self):
        self._made: list[Draw] = []
        self._replayed: int | None = None
        self._around: Draws | None = None  # in force where this one records

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Inside it every draw is noted."""
        self._around = _draws
        with _in_force(self):
            yield

    @contextlib.contextmanager
    def replayed(self) -> Iterator[None]:
        """Inside it the layers draw what was noted, in the same order, and their counters stand still."""
        self._replayed = 0
        with _in_force(self):
            yield
        self._replayed = None

    def next(self, layer: "Dropout") -> Draw:
        """The draw of the next call: a new one of `layer`, or that of the recorded call."""
        if self._replayed is not None:
            self._replayed += 1
            return self._made[self._replayed - 1]
        self._made.append(self._around.next(layer) if self._around else layer.new_draw())
        return self._made[-1]


_draws: Draws | None = None


@contextlib.contextmanager
def _in_force(draws):
    global _draws
    before, _draws = _draws, draws
    try:
        yield
    finally:
        _draws = before


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
        index = ops.cast(ops.arange(ops.size(inputs)), "uint32")
        row = math.prod(ops.shape(inputs)[1:])
        return drop(inputs, ops.reshape(kept(index, self.draw(), self.rate, row), ops.shape(inputs)), self.rate)

    def draw(self) -> Draw:
        """What a call draws: the key words for `kept`."""
        return self.new_draw() if _draws is None else _draws.next(self)

    def new_draw(self) -> Draw:
        """Key words of a call of its own; counts the call, unless it is one of several parts of a batch."""
        part = _part
        if part is None:
            state = self.seed_generator.next()
        else:
            state = ops.convert_to_tensor(self.seed_generator.state)
            part.layers.append(self)
        seed, count = ops.unstack(ops.cast(state, "uint32"), 2)
        first = _mix(count ^ _mix(seed))
        return Draw(first, _mix(first + _uint32(_GOLDEN)), None if part is None else part.first_row)


def random_bits(index: Any, draw: Draw) -> Any:
    """32 random bits, uint32, for every element number of `index`, uint32 of any shape."""
    return _mix(index ^ draw.first, draw.second)


def kept(index: Any, draw: Draw, rate: float, row: Any) -> Any:
    """Whether the elements with the numbers `index` (uint32 of any shape) keep their values; booleans.

    Elements are numbered in the rows at hand; each has `row` elements.
    """
    if draw.first_row is not None:
        index = index + draw.first_row * ops.cast(row, "uint32")
    return random_bits(index, draw) >= _uint32(round(rate * 2**32))


def drop(inputs: Any, kept: Any, rate: float) -> Any:
    """`inputs` where `kept`, scaled to the same mean, and 0 elsewhere; also how gradients go back."""
    return ops.where(kept, inputs * (1 / (1 - rate)), ops.zeros((), inputs.dtype))


def _uint32(number):
    return ops.convert_to_tensor(number, "uint32")


def _mix(x, key=None):
    """lowbias32 of x, uint32 of any shape; `key` changes it half way."""
    x = (x ^ ops.right_shift(x, _uint32(16))) * _uint32(0x7FEB352D)
    x = x if key is None else x ^ key
    x = (x ^ ops.right_shift(x, _uint32(15))) * _uint32(0x846CA68B)
    return x ^ ops.right_shift(x, _uint32(16))
