"""What a bundle's files hold, read as docs/page.md describes them and not with the exporter's code."""

import json

import numpy as np


def read_weights(folder):
    """All weights by Hugging Face name, as a browser ends up with them: {name: float32 array}."""
    described = json.loads((folder / "bundle.json").read_text("utf-8"))["int8"]
    arrays = read_arrays(folder)
    weights = {name: array.astype(np.float32) for name, array in arrays.items() if "/" not in name}
    for name, matrix in described.items():
        axis = matrix["channel_axis"]
        integers = unpack_tiles(arrays[f"{name}/int8"].view(np.int8), matrix["shape"], axis)
        weights[name] = integers * np.expand_dims(arrays[f"{name}/scale"], 1 - axis)
    return weights


def read_arrays(folder):
    """Arrays of the manifest by name, as tfjs's decodeWeights reads them."""
    [group] = json.loads((folder / "weights_manifest.json").read_text("utf-8"))
    data = b"".join((folder / path).read_bytes() for path in group["paths"])
    arrays, start = {}, 0
    for entry in group["weights"]:
        dtype = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
        count = int(np.prod(entry["shape"]))
        arrays[entry["name"]] = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
        start += count * dtype.itemsize
    assert start == len(data)
    return arrays


def unpack_tiles(tiles, shape, axis):
    """The matrix of `shape`, weight by weight as docs/notes/browser.md describes the tiles."""
    outputs, inputs = shape[axis], shape[1 - axis]
    pairs = (inputs + 1) // 2
    assert tiles.size == -(-outputs // 32) * pairs * 64
    tiles = tiles.copy()
    tiles[::2] ^= -128
    matrix = np.empty((outputs, inputs), np.int8)
    for output in range(outputs):
        for i in range(inputs):
            vector = output // 32 * pairs * 64 + i // 2 * 64 + output % 32 // 8 * 16
            matrix[output, i] = tiles[vector + output % 4 * 4 + i % 2 * 2 + output // 4 % 2]
    assert np.abs(tiles.astype(np.int64)).sum() == np.abs(matrix.astype(np.int64)).sum()  # all else is zero
    return matrix.T if axis == 1 else matrix
