"""Windows of a token stream by `tf.data`, in an order that is a function of the seed alone.

Shapes: B sequences a batch, T tokens of context, N tokens in the stream. x int32 [B, T]; y int32
[B, T] is x one token ahead.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tf_gpt2.data.counts import windows_per_epoch
from tf_gpt2.data.token_files import TokenStream
from tf_gpt2.errors import UserError

IGNORED = -1  # a target that counts for nothing


class Beside(Protocol):
    """What else is known of each target.

    Attributes:
        width: Numbers a target, M.
    """

    @property
    def width(self) -> int: ...

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Of the targets at these positions of the stream [rows, T]: int32 [rows, T, M]."""


class Batches:
    """A `tf.data.Dataset` whose batches NumPy makes: what goes wrong there comes out as it was raised.

    TensorFlow would give an error of its own, with the traceback as its message.

    Attributes:
        dataset: The `tf.data.Dataset`.
    """

    def __init__(self, dataset: tf.data.Dataset, errors: list[Exception]):
        # Nothing here is left to tune, and the thread that tunes may miss that its iterator ends, which then waits
        # for its next round: up to half as long as the iterator lived (seen with TensorFlow 2.21).
        options = tf.data.Options()
        options.autotune.enabled = False
        self.dataset, self._errors = dataset.with_options(options), errors

    def __iter__(self) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        self._errors.clear()
        try:
            yield from self.dataset
        except tf.errors.OpError:
            if self._errors:
                raise self._errors[0] from None
            raise

    def take(self, count: int) -> "Batches":
        """The first batches, so many at most."""
        return Batches(self.dataset.take(count), self._errors)


def _noting(function: Callable, errors: list[Exception]) -> Callable:
    """The function, with what it raises kept too."""

    def noted(*inputs: Any) -> Any:
        try:
            return function(*inputs)
        except Exception as error:
            errors.append(error)
            raise

    return noted


_PREFETCHED_BATCHES = 8
_SHUFFLE_ROUNDS = 16
_LAST_STEP = (1 << 63) - 1


def training_dataset(
    stream: TokenStream,
    *,
    context_length: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    shard_index: int = 0,
    num_shards: int = 1,
    beside: Beside | None = None,
) -> Batches:
    """Endless batches of shuffled windows.

    An epoch is floor((N - 1) / T) windows laid end to end. Where the first begins changes with every epoch, so
    that window borders move; the stream is treated as a ring, which does no harm because a text begins there.
    Their order is that of RandomIndexShuffle, a permutation that needs no buffer: sample i of epoch e is a function
    of (seed, e, i) alone. Samples are numbered through, `step * batch_size + row`, and epochs roll over inside a
    batch. So resuming at a step costs nothing and replays nothing.

    Args:
        stream: N tokens; a memory map is read as it is needed.
        context_length: T.
        batch_size: B over all shards; divisible by `num_shards`.
        seed: Any integer.
        start_step: Step whose batch comes first.
        shard_index: Which part of every batch this worker gets; the parts in order are the whole
            batch.
        num_shards: Number of parts.
        beside: What goes along with each target; None for nothing.

    Returns:
        Infinite batches (x, y), each int32 [B / num_shards, T]; y is `IGNORED` (-1) where the stream says
        that a token is no target. With something `beside`, y is [B / num_shards, T, 1 + M], targets first.

    Raises:
        UserError: The stream is shorter than one window, or an argument is out of range; when a batch is taken, its
            tokens cannot be read.
    """
    _check_shape(context_length, batch_size)
    tokens = stream.tokens
    windows = windows_per_epoch(len(tokens), context_length)
    if windows < 1:
        raise UserError(
            "`context_length` must leave room for one window in the training text: "
            f"{context_length} needs {context_length + 1} tokens, {len(tokens)} are there. Lower "
            "`context_length` or add text."
        )
    if not 0 <= shard_index < num_shards or batch_size % num_shards:
        raise UserError(
            f"`batch_size` must be divisible by the number of workers: got {batch_size} for worker "
            f"{shard_index} of {num_shards}. Choose a multiple."
        )
    rows = batch_size // num_shards
    first_row = shard_index * rows

    def starts_of_step(step: tf.Tensor) -> tf.Tensor:
        sample = step * batch_size + first_row + tf.range(rows, dtype=tf.int64)
        return _window_starts(sample, windows, context_length, seed)

    def gather(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positions = (starts[:, None] + np.arange(context_length + 1)) % len(tokens)  # [rows, T + 1]
        block = tokens[positions].astype(np.int32)
        y = np.where(stream.are_targets(positions[:, 1:]), block[:, 1:], IGNORED)
        y = y.astype(np.int32)
        if beside is not None:
            y = np.concatenate([y[..., None], beside.at(positions[:, 1:])], axis=-1)
        return block[:, :-1], y

    errors: list[Exception] = []
    noting = _noting(gather, errors)

    def batch_of_step(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = tf.numpy_function(noting, [starts_of_step(step)], (tf.int32, tf.int32), stateful=False)
        shape = (rows, context_length)
        more = () if beside is None else (1 + beside.width,)
        return tf.ensure_shape(x, shape), tf.ensure_shape(y, (*shape, *more))

    steps = tf.data.Dataset.range(start_step, _LAST_STEP)
    batches = steps.map(batch_of_step, num_parallel_calls=2, deterministic=True).prefetch(_PREFETCHED_BATCHES)
    return Batches(batches, errors)


def evaluation_windows(
    stream: TokenStream, *, context_length: int, batch_size: int, shard_index: int = 0, num_shards: int = 1
) -> Batches:
    """Fixed windows in order: every token but the first is a target exactly once, if the stream says it is one.

    The last window and the last batch are filled up so that all shapes are equal; targets there are
    `IGNORED` (-1) and inputs 0.

    Args:
        stream: N tokens.
        context_length: T.
        batch_size: B.
        shard_index: Which of the batches this worker gets, in turns with the others.
        num_shards: Number of workers.

    Returns:
        Finite batches (x, y), each int32 [B, T]; their dataset knows how many.

    Raises:
        UserError: There are fewer than two tokens, or an argument is out of range; when a batch is taken, its
            tokens cannot be read.
    """
    _check_shape(context_length, batch_size)
    tokens = stream.tokens
    if not stream.targets:
        raise UserError(
            f"The held-out text must have at least 2 tokens to be evaluated: it has {len(tokens)}. "
            "Add text or hold out a larger share for validation."
        )
    span = batch_size * context_length
    batches = -(-(len(tokens) - 1) // span)

    def cut(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.zeros(span, np.int32)
        y = np.full(span, IGNORED, np.int32)
        block = tokens[number * span : (number + 1) * span + 1].astype(np.int32)
        targets = stream.are_targets(number * span + np.arange(1, len(block)))
        x[: len(block) - 1], y[: len(block) - 1] = block[:-1], np.where(targets, block[1:], IGNORED)
        return x.reshape(batch_size, context_length), y.reshape(batch_size, context_length)

    errors: list[Exception] = []
    noting = _noting(cut, errors)

    def batch_of_number(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = tf.numpy_function(noting, [number], (tf.int32, tf.int32), stateful=False)
        shape = (batch_size, context_length)
        return tf.ensure_shape(x, shape), tf.ensure_shape(y, shape)

    numbers = tf.data.Dataset.range(shard_index, batches, num_shards)
    return Batches(numbers.map(batch_of_number, num_parallel_calls=1, deterministic=True).prefetch(2), errors)


def _window_starts(sample: tf.Tensor, windows: int, context_length: int, seed: int) -> tf.Tensor:
    """First token of each numbered sample: int64 [rows] from int64 [rows]."""
    epoch, index = sample // windows, sample % windows
    window = _shuffled(index, windows, seed, epoch)
    # Another permutation gives the phase: in T epochs every phase comes once. Negative streams keep
    # it apart.
    phase = _shuffled(epoch % context_length, context_length, seed, -1 - epoch // context_length)
    return window * context_length + phase


def _shuffled(index: tf.Tensor, size: int, seed: int, stream: tf.Tensor) -> tf.Tensor:
    """Where the permutation of `size` elements that belongs to (seed, stream) puts each index.

    The op below `tf.random.experimental.index_shuffle`, for two reasons. The wrapper takes one
    seed, and a batch may reach into the next epoch. And it fixes 4 rounds of the cipher and uses
    the low bits of the seed only, which leaves small sets nearly in order (seeds 0: 0 1 2 11 4 5 6
    7 of 12); 16 rounds and mixed seeds do not.
    """
    if size == 1:
        return tf.zeros_like(index)
    words = [
        _mixed(_mixed(tf.bitcast(stream, tf.uint64) + _word(seed + part)) + _word(seed >> 64)) for part in range(3)
    ]
    seeds = tf.bitcast(tf.stack(words, axis=1), tf.int64)  # [rows, 3]
    last = tf.constant(size - 1, tf.int64)
    return tf.raw_ops.RandomIndexShuffle(index=index, seed=seeds, max_index=last, rounds=_SHUFFLE_ROUNDS)


def _word(value: int) -> tf.Tensor:
    # Spread first, so that neither seed + 1 nor the next part meets the next stream.
    return tf.constant(value * 0xD1342543DE82EF95 % (1 << 64), tf.uint64)


def _mixed(z: tf.Tensor) -> tf.Tensor:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit depends on all."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64)))
        z *= tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(31, tf.uint64)))


def _check_shape(context_length: int, batch_size: int) -> None:
    for name, value in (("context_length", context_length), ("batch_size", batch_size)):
        if value < 1:
            raise UserError(f"`{name}` must be at least 1, got {value}.")
