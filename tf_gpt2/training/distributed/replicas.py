"""The devices that train together, of one process or of many, through tf.distribute."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

# Small gradients travel together; a collective of each would wait for its own round.
_BYTES_AT_ONCE = 32 << 20
_NUMBERS_AT_ONCE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Replicas:
    """The devices that train together.

    Attributes:
        strategy: tf.distribute's, which mirrors variables and sums.
        workers: Processes.
        worker: Number of this one.
    """

    strategy: tf.distribute.Strategy
    workers: int = 1
    worker: int = 0

    @property
    def count(self) -> int:
        """Devices of all workers."""
        return self.strategy.num_replicas_in_sync

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices of this worker."""
        return tuple(self.strategy.extended.worker_devices)

    def each(self, value_of: Callable[[int], Any]) -> Any:
        """`value_of` the number of each device of this worker, for `Strategy.run`."""
        first = self.worker * len(self.devices)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: value_of(context.replica_id_in_sync_group - first)
        )

    @contextlib.contextmanager
    def standing_at(self, number: int, variables: Sequence) -> Iterator[None]:
        """Inside it Keras's variables are those of one device of this worker, and what is traced runs there."""
        mirrored = [variable._value for variable in variables]
        try:
            for variable, value in zip(variables, mirrored, strict=True):
                variable._value = self.strategy.experimental_local_results(value)[number]
            with tf.device(self.devices[number]):
                yield
        finally:
            for variable, value in zip(variables, mirrored, strict=True):
                variable._value = value

    def sum(self, values: Any) -> np.ndarray:
        """The sum of an array over the workers, each of which gives its own; the same bits for all."""
        zeros = np.zeros_like(values)
        given = self.each(lambda number: tf.constant(zeros if number else values))
        total = _sum(self.strategy, given)
        return self.strategy.experimental_local_results(total)[0].numpy()

    def share(self, variables: Sequence) -> None:
        """Gives every worker the values that the first one's variables have."""
        if self.workers == 1:
            return
        for dtype in sorted({variable.dtype for variable in variables}):
            alike = [variable for variable in variables if variable.dtype == dtype]
            values = [np.asarray(variable.value) for variable in alike]
            flat = self._shared(np.concatenate([value.ravel() for value in values]))
            ends = np.cumsum([value.size for value in values])
            for variable, value, end in zip(alike, values, ends.tolist(), strict=True):
                variable.assign(flat[end - value.size : end].reshape(value.shape))

    def _shared(self, flat):
        """The first worker's values, in pieces of one size, so that one program serves them all."""
        if self.worker:
            flat = np.zeros_like(flat)
        pieces = [flat[first : first + _NUMBERS_AT_ONCE] for first in range(0, flat.size, _NUMBERS_AT_ONCE)]
        padded = (np.pad(piece, (0, _NUMBERS_AT_ONCE - piece.size)) for piece in pieces)
        return np.concatenate([self.sum(piece) for piece in padded])


@tf.function(autograph=False)
def _sum(strategy, values):
    return strategy.run(all_reduced, args=(values,))


def all_reduced(values: Any) -> Any:
    """Sums over the replicas of a tensor or a list of tensors, called on each."""
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=_BYTES_AT_ONCE)
    here = tf.nest.map_structure(tf.identity, values)  # with the device's name, which tf.distribute asks for
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here, options)
