"""Weights as tensors in memory of large pages, matrices transposed and in blocks that threads share out.

Writing one sequence reads every weight once a token from memory. With pages of 4 KB the processor also looks up
80,000 addresses a token for an 82 M model; with pages of 2 MB, 160. And XLA computes a matrix-vector product on one
thread, which cannot read as fast as the memory delivers: so a matrix lies as [out, in] in blocks of rows, a product
each. XLA's executor hands work to a second thread only when more than eight operations are ready at once, and then
half of them; so there are more blocks than that. Figures: docs/notes/generation.md.
"""

import contextlib
import mmap
import os
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gpt2.formats.weights import HEAD, TABLE, is_block_matrix

_THREADS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
# Sixteen are two times eight, 32 four times eight: halved until no more than eight are left, all have the same.
NUM_BLOCKS = 8 * _THREADS if _THREADS > 1 else 1
# Up to so many rows a matrix-vector product each is faster than one matrix product, though it reads twice.
MOST_VECTORS = 2
# From so many rows on the right operand is worth turning round.
LEAST_ROWS = 256
_ROWS = 16  # float32 values of a cache line
_PAGE = 2 << 20
_FLOAT16_CAPABILITY = (7, 0)  # from Volta on GPUs multiply float16 at more than the rate of float32
_ALIGNMENT = 64  # TensorFlow takes a NumPy array over without copying when it is aligned so


class RowBlocks(typing.NamedTuple):
    """A matrix [in, out] kept as the rows of its transpose, in blocks of [some of out, in], cut twice.

    Attributes:
        small: `NUM_BLOCKS` of them, for matrix-vector products.
        large: One a thread, for matrix products.
    """

    small: tuple[tf.Tensor, ...]
    large: tuple[tf.Tensor, ...]

    def product(self, x: Any) -> tf.Tensor:
        """x [N, in] times the matrix: [N, out]."""
        rows = x.shape[0]
        if rows is None:
            few = tf.shape(x)[0] < LEAST_ROWS
            return tf.cond(few, lambda: self._by_columns(x), lambda: _by_rows(x, self.large))
        if rows <= MOST_VECTORS:
            return tf.concat([_by_rows(row, self.small) for row in tf.split(x, rows)], axis=0)
        return _by_rows(x, self.large) if rows >= LEAST_ROWS else self._by_columns(x)

    def _by_columns(self, x):
        # The block as left operand: a transposed right one is turned round in memory first, every time.
        return tf.transpose(tf.concat([tf.matmul(block, x, transpose_b=True) for block in self.large], axis=0))


def product(x: tf.Tensor, matrix: Any, transposed: bool = False) -> tf.Tensor:
    """x [N, in] times a matrix [in, out] as `WeightTensors` has it: [N, out], of the dtype of x.

    Args:
        x: The left operand; rounded to the precision of the matrix.
        matrix: `RowBlocks`, or a tensor.
        transposed: Whether a tensor is [out, in].
    """
    if isinstance(matrix, RowBlocks):
        return matrix.product(x)
    return tf.cast(tf.matmul(tf.cast(x, matrix.dtype), matrix, transpose_b=transposed), x.dtype)


def _by_rows(x, blocks):
    return tf.concat([tf.matmul(x, block, transpose_b=True) for block in blocks], axis=1)


class WeightTensors(typing.NamedTuple):
    """Weights by Hugging Face name, twice over one memory: vectors and tables as they are, matrices as `RowBlocks`.

    Attributes:
        whole: Every matrix in one block: for many tokens at once.
        split: Every matrix in blocks that threads share out: for a token at a time.
        places: The memory of both, matrices as [out, in]; None where a device has its own.
    """

    whole: dict[str, tf.Tensor | RowBlocks]
    split: dict[str, tf.Tensor | RowBlocks]
    places: dict[str, np.ndarray] | None

    def refill(self, arrays: Mapping[str, np.ndarray]) -> bool:
        """Puts other values into the same tensors, so what was traced with them goes on with these.

        Returns:
            Whether it could; a device's tensors keep their values.
        """
        if self.places is None:
            return False
        for name, place in self.places.items():
            place[...] = arrays[name].T if is_block_matrix(name) else arrays[name]
        return True


def to_tensors(arrays: Mapping[str, np.ndarray]) -> WeightTensors:
    """Copies float32 arrays, whose matrices are [in, out], into large pages where the system has them.

    On a GPU, whose memory and threads are another matter, they are plain tensors, matrices in half precision where
    it multiplies that.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return for_gpu(arrays, _matrix_dtype(gpus[0]))
    sizes = {name: -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for name, array in arrays.items()}
    arena = _allocate(sum(sizes.values()))
    whole, split, places, start = {}, {}, {}, 0
    for name, array in arrays.items():
        rows = array.T if is_block_matrix(name) else array
        place = arena[start : start + array.nbytes].view(np.float32).reshape(rows.shape)
        place[...] = rows
        places[name] = place
        whole[name] = split[name] = _wrap(place)
        if is_block_matrix(name):
            whole[name], split[name] = RowBlocks((whole[name],), (whole[name],)), _split(place)
        elif name == HEAD or (name == TABLE and HEAD not in arrays):
            split[HEAD] = _split(place)
        start += sizes[name]
    return WeightTensors(whole, split, places)


def for_gpu(arrays: Mapping[str, np.ndarray], matrices: str) -> WeightTensors:
    """Float32 arrays as plain tensors; those of large matrices in the dtype `matrices`.

    Writing a token reads every matrix once, so half the bytes are half the time. What they are multiplied with is
    rounded likewise; norms, softmaxes, the residual stream and the cache stay in float32 (decoder.py).
    """

    def dtype(name):
        return matrices if is_block_matrix(name) or name in (TABLE, HEAD) else "float32"

    tensors = {name: tf.cast(tf.convert_to_tensor(array), dtype(name)) for name, array in arrays.items()}
    return WeightTensors(tensors, tensors, None)


def _matrix_dtype(gpu):
    capability = tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
    return "float16" if tuple(capability) >= _FLOAT16_CAPABILITY else "float32"


def to_arrays(weights: WeightTensors) -> dict[str, np.ndarray]:
    """Float32 copies of the arrays that `to_tensors` was given, as the tensors have them.

    Writing into them does not change the tensors.
    """
    arrays = {}
    for name, tensor in weights.whole.items():
        array = tensor.large[0].numpy().T if isinstance(tensor, RowBlocks) else tensor.numpy()
        arrays[name] = np.array(array, np.float32, order="C")
    return arrays


def _split(rows) -> RowBlocks:
    return RowBlocks(_cut(rows, NUM_BLOCKS), _cut(rows, _THREADS))


def _cut(rows, pieces) -> tuple[tf.Tensor, ...]:
    # Blocks start at whole cache lines of memory and of the result.
    edge = -(-len(rows) // (pieces * _ROWS)) * _ROWS
    return tuple(_wrap(rows[start : start + edge]) for start in range(0, len(rows), edge))


def _wrap(array) -> tf.Tensor:
    # convert_to_tensor would copy the array, out of the large pages and to twice the memory.
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _allocate(size) -> np.ndarray:
    """Bytes [size], starting at a page border."""
    memory = mmap.mmap(-1, size + _PAGE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without large pages: slower, not wrong
            memory.madvise(mmap.MADV_HUGEPAGE)
    block = np.frombuffer(memory, np.uint8)  # keeps `memory` alive
    skip = -block.ctypes.data % _PAGE
    return block[skip : skip + size]
