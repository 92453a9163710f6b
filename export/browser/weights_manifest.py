"""TensorFlow.js's weights manifest and its shards, written without TensorFlow.js (format: docs/browser.md).

The bytes of all arrays lie one after the other, without gaps, and are cut into files of equal size. The manifest
names the files in their order and the arrays in theirs. It is what `tensorflowjs.write_weights` writes and
`tf.io.decodeWeights` reads (tensorflow/tfjs, tfjs-core/src/io/io_utils.ts).
"""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

MANIFEST_FILE = "weights_manifest.json"
SHARD_BYTES = 4 << 20  # what browsers cache of one file at most
DTYPES = ("int32", "float32", "float16")


def write_manifest(
    folder: pathlib.Path, arrays: Mapping[str, np.ndarray], shard_bytes: int = SHARD_BYTES
) -> list[str]:
    """Writes `weights_manifest.json` and `group1-shard*of*.bin`.

    Args:
        folder: Where to.
        arrays: int32, float32 or float16 arrays of any shape, by name, in the order in which they shall lie. A
            reader widens float16 to float32.
        shard_bytes: Size of every file but the last.

    Returns:
        Names of the shards in their order.

    Raises:
        ValueError: An array of another kind, or `shard_bytes` under 1.
    """
    if shard_bytes < 1:
        raise ValueError(f"`shard_bytes` must be at least 1; received {shard_bytes}")
    weights = [_entry(name, array) for name, array in arrays.items()]
    total = sum(array.nbytes for array in arrays.values())
    count = -(-total // shard_bytes)
    paths = [f"group1-shard{number}of{count}.bin" for number in range(1, count + 1)]
    _write_shards([folder / path for path in paths], arrays.values(), shard_bytes)
    manifest = [{"paths": paths, "weights": weights}]
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), "ascii")
    return paths


def _entry(name, array):
    if array.dtype.name not in DTYPES:
        raise ValueError(f"an array must be one of {', '.join(DTYPES)}; received {array.dtype} for {name!r}")
    entry = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
    if array.dtype == np.float16:  # a float32 array that is stored in halves
        entry |= {"dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}}
    return entry


def _write_shards(paths, arrays, shard_bytes):
    """Cuts the bytes, little-endian and row by row, into files; no more than one array is copied at a time."""
    remaining = iter(paths)
    file, room = None, 0
    try:
        for array in arrays:
            data = memoryview(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
            while data:
                if not room:
                    if file:
                        file.close()
                    file, room = next(remaining).open("wb"), shard_bytes
                part, data = data[:room], data[room:]
                file.write(part)
                room -= len(part)
    finally:
        if file:
            file.close()
