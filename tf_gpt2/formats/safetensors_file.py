"""Reads safetensors files: https://github.com/huggingface/safetensors, section "Format".

    8 bytes  N, length of the header, unsigned little-endian
    N bytes  JSON: {"name": {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}, ...}
    the rest one buffer that the tensors cover without gaps

Our own reader because the library's NumPy one has no bfloat16 and copies what a memory map can share. Everything
the header claims is compared with the size of the file before an array exists.
"""

import dataclasses
import json
import math
import os
import pathlib

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.formats.weights import DamagedFile, to_float32, widen_bfloat16
from tf_gpt2.run_directory import shown

_MAX_HEADER = 100_000_000  # the library's own limit
_MAX_DIMENSIONS = 32  # NumPy's; without one, multiplying them out takes time that grows with their square
_BFLOAT16 = "BF16"
_DTYPES = {
    "F32": "<f4", "F16": "<f2", "F64": "<f8", _BFLOAT16: "<u2",
    # Only buffers that no model here reads have these.
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
}  # fmt: skip
_FLOATS = ("F32", "F16", "F64", _BFLOAT16)


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies.

    Attributes:
        path: The file.
        dtype: Its type as safetensors spells it.
        shape: Its shape.
        offset: Its first byte in the file.
    """

    path: pathlib.Path
    dtype: str
    shape: tuple[int, ...]
    offset: int

    def read(self) -> np.ndarray:
        """The values as float32, of `shape`: a read-only memory map when they are stored so, else a copy."""
        stored = np.memmap(self.path, _DTYPES[self.dtype], "r", self.offset, self.shape)
        return widen_bfloat16(stored) if self.dtype == _BFLOAT16 else to_float32(np.asarray(stored))


def read_header(path: pathlib.Path) -> dict[str, StoredTensor]:
    """Lists the tensors of a file by name.

    Raises:
        UserError: The file is missing, truncated or damaged.
    """
    path = pathlib.Path(path)
    if not os.path.isfile(path):
        raise UserError(f"{path} is missing; give a directory that holds config.json and model.safetensors")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _MAX_HEADER):
                raise ValueError(f"a header of {length} bytes does not fit a file of {size}")
            header = json.loads(file.read(length), object_pairs_hook=_distinct)
        return _check(path, header, data=8 + length, size=size)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedFile(path, error) from None


def _distinct(pairs):
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice in the header")
    return values


def _check(path, header, data, size) -> dict[str, StoredTensor]:
    """Tensors by name; ValueError unless they cover the buffer from `data` to `size` without gap and overlap."""
    header.pop("__metadata__", None)
    tensors, spans = {}, []
    for name, entry in header.items():
        shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
        if len(shape) > _MAX_DIMENSIONS:
            raise ValueError(f"{shown(name)} has {len(shape)} dimensions and {_MAX_DIMENSIONS} are the most")
        if not all(type(number) is int and 0 <= number < 1 << 63 for number in (*shape, begin, end)):
            raise ValueError(f"{shown(name)} has no proper shape and place")
        if entry["dtype"] not in _DTYPES:
            raise ValueError(f"{shown(name)} has the unknown type {shown(entry['dtype'])}")
        if end - begin != math.prod(shape) * np.dtype(_DTYPES[entry["dtype"]]).itemsize:
            raise ValueError(f"{shown(name)} of shape {shown(shape)} cannot take {end - begin} bytes")
        tensors[name] = StoredTensor(path, entry["dtype"], shape, data + begin)
        spans.append((begin, end, name))
    place = 0
    for begin, end, name in sorted(spans):
        if begin != place:
            raise ValueError(f"{shown(name)} does not begin where the tensor before it ends")
        place = end
    if data + place != size:
        raise ValueError(f"its tensors end at byte {data + place} and the file at {size}")
    return tensors


def require_float(path: pathlib.Path, name: str, tensor: StoredTensor) -> None:
    """Refuses integers, which quantised weights are.

    Raises:
        UserError: The tensor holds no floating-point numbers.
    """
    if tensor.dtype not in _FLOATS:
        raise UserError(
            f"{path}: {name} must hold floating-point numbers ({', '.join(_FLOATS)}); received {tensor.dtype}. "
            "Quantised weights cannot be opened"
        )
