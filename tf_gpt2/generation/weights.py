"""Weights as tensors in memory of large pages.

Writing one sequence reads every weight once a token from memory. With pages of 4 KB the processor also looks up
80,000 addresses a token for an 82 M model; with pages of 2 MB, 160. That gives 5 to 10 % (docs/generation.md).
"""

import contextlib
import mmap

import numpy as np
import tensorflow as tf

_PAGE = 2 << 20
_ALIGNMENT = 64  # TensorFlow takes a NumPy array over without copying when it is aligned so


def to_tensors(arrays: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    """Copies float32 arrays into one block of large pages (where the system has them) and wraps them as tensors."""
    if tf.config.list_physical_devices("GPU"):  # whose memory is another matter
        return {name: tf.convert_to_tensor(array) for name, array in arrays.items()}
    sizes = {name: -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for name, array in arrays.items()}
    arena = _allocate(sum(sizes.values()))
    tensors, start = {}, 0
    for name, array in arrays.items():
        place = arena[start : start + array.nbytes].view(np.float32).reshape(array.shape)
        place[...] = array
        # convert_to_tensor would copy the array, out of the large pages and to twice the memory.
        tensors[name] = tf.experimental.dlpack.from_dlpack(place.__dlpack__())
        start += sizes[name]
    return tensors


def _allocate(size) -> np.ndarray:
    """Bytes [size], starting at a page border."""
    memory = mmap.mmap(-1, size + _PAGE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without large pages: slower, not wrong
            memory.madvise(mmap.MADV_HUGEPAGE)
    block = np.frombuffer(memory, np.uint8)  # keeps `memory` alive
    skip = -block.ctypes.data % _PAGE
    return block[skip : skip + size]
