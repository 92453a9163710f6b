"""Arrays in the text of a file: rounded, in planes of bytes, deflated, in base64.

web/src/views/file_source.js reads them.

An array is {"dtype", "shape", "data"} and, where it holds no plain numbers, "form":

    dtype   int32, float32, float16, uint16 or uint8, little endian
    form    "share": a uint16 is 65535 times a share of 1
            "root": a uint8 is 255 times the square root of a share, which leaves small ones three digits
    data    base64 of a zlib stream (RFC 1950, what DecompressionStream calls "deflate"): first the lowest byte of
            every number, then the next ones. Exponents, which are alike, then lie side by side.
"""

import base64
import zlib
from typing import Any

import numpy as np

# Shares repeat themselves; the digits of floats do not: to look for repetitions there takes time, and even space.
_REPETITIONS, _FREQUENCIES = zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY
_FLOAT16_BITS = 10


def plain(array: np.ndarray, dtype: str) -> dict[str, Any]:
    """An array of numbers as `dtype`."""
    return _packed(np.asarray(array), dtype)


def floats(array: np.ndarray, mantissa_bits: int = _FLOAT16_BITS) -> dict[str, Any]:
    """An array as float16, rounded to so many bits of mantissa, 10 being all: a relative error of 2**-(bits + 1).

    What float16 cannot hold becomes its largest number.
    """
    largest = np.finfo(np.float16).max
    halves = np.clip(array, -largest, largest).astype(np.float16)
    dropped = _FLOAT16_BITS - mantissa_bits
    if dropped:
        bits = halves.view(np.uint16).astype(np.uint32)
        rounded = ((bits + (1 << (dropped - 1))) >> dropped << dropped).astype(np.uint16)
        infinite = (rounded & 0x7C00) == 0x7C00  # the largest numbers, rounded up
        halves = np.where(infinite, bits.astype(np.uint16), rounded).view(np.float16)
    return _packed(halves, "float16")


def shares(array: np.ndarray, dtype: str) -> dict[str, Any]:
    """Shares in [0, 1] as uint16, to 8e-6, or as uint8 of the square root, to 4e-3 at 1 and finer below."""
    clipped = np.clip(array, 0, 1)
    if dtype == "uint16":
        return _packed(np.rint(clipped * 65535), dtype) | {"form": "share"}
    return _packed(np.rint(np.sqrt(clipped) * 255), dtype) | {"form": "root"}


def lower_triangle(attention: np.ndarray) -> np.ndarray:
    """What stands on and below the diagonal of [H, T, T]: [H, T (T + 1) / 2], row by row."""
    rows, columns = np.tril_indices(attention.shape[-1])
    return attention[:, rows, columns]


def _packed(array, dtype):
    numbers = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    planes = numbers.reshape(-1).view(np.uint8).reshape(-1, numbers.itemsize).T  # [bytes of a number, numbers]
    strategy = _FREQUENCIES if numbers.dtype.kind == "f" else _REPETITIONS
    packer = zlib.compressobj(strategy=strategy)
    data = base64.b64encode(packer.compress(planes.tobytes()) + packer.flush()).decode()
    return {"dtype": dtype, "shape": list(array.shape), "data": data}
