"""Weights as a bundle stores them: float32, float16, or int8 with one scale an output channel.

Int8 matrices lie in tiles, in the order in which the page's kernels (web/src/kernels/linear.ts) read them: 32
outputs a tile; in it the inputs by twos, 64 bytes for each two; in these the outputs by eights; of eight the
first four, each with its two inputs as words of 16 bits, whose high bytes are the weights of the other four. To low
bytes 128 is added. The last tile and the last two inputs are filled up with zeros.
"""

import dataclasses

import numpy as np

from tf_gpt2.formats.weights import HEAD, TABLE, is_block_matrix

from .rounding import Int8Matrix, round_to_nearest

DTYPES = ("int8", "float16", "float32")
TILE_OUTPUTS = 32
TILE_INPUTS = 2


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """One weight of the model as it lies in the bundle.

    Attributes:
        shape: The weight's shape.
        arrays: What is stored, by the name in the weights manifest.
        channel_axis: For int8: the axis with one scale an index. None for the others.
        value: Float32 array that the browser ends up with.
    """

    shape: tuple[int, ...]
    arrays: dict[str, np.ndarray]
    channel_axis: int | None
    value: np.ndarray


def store(name: str, array: np.ndarray, dtype: str, rounded: Int8Matrix | None = None) -> StoredTensor:
    """Converts one weight [..] float32 of Hugging Face's name `name` to what the bundle holds.

    With int8 only the matrices that a token multiplies by are quantised; positions become float16, vectors stay
    float32: together they are under 3 % of the download.

    Args:
        name: The weight's name.
        array: The weight.
        dtype: One of `DTYPES`.
        rounded: For int8: the matrix [in, out] as it was rounded. Default: each weight to the nearest step.
    """
    if dtype == "int8" and (name in (TABLE, HEAD) or is_block_matrix(name)):
        return _store_int8(name, array, rounded)
    if dtype == "float16" or (dtype == "int8" and array.ndim == 2):
        array = array.astype(np.float16)
    return StoredTensor(array.shape, {name: array}, None, array.astype(np.float32))


def _store_int8(name, array, rounded):
    # Kernels are [in, out]; the embedding and the head are [V, D], and V is what they put out.
    channel_axis = 1 if is_block_matrix(name) else 0
    if rounded is None:
        rounded = round_to_nearest(array if channel_axis == 1 else array.T)
    tiles = pack_tiles(rounded.integers.T)
    # tfjs's weights manifest knows no int8: four of them travel in one int32.
    arrays = {f"{name}/int8": tiles.view(np.int32), f"{name}/scale": rounded.scale}
    value = rounded.value if channel_axis == 1 else np.ascontiguousarray(rounded.value.T)
    return StoredTensor(array.shape, arrays, channel_axis, value)


def pack_tiles(matrix: np.ndarray) -> np.ndarray:
    """Puts a matrix [outputs, inputs] int8 into tiles; returns [bytes] int8."""
    outputs, inputs = matrix.shape
    filled = np.pad(matrix, ((0, -outputs % TILE_OUTPUTS), (0, -inputs % TILE_INPUTS)))
    # Tile, vector in 64 bytes, byte of a word, word; twos of inputs, input of a two.
    tiles = filled.reshape(-1, TILE_OUTPUTS // 8, 2, 4, filled.shape[1] // TILE_INPUTS, TILE_INPUTS)
    words = np.ascontiguousarray(tiles.transpose(0, 4, 1, 3, 5, 2))
    words[..., 0] ^= -128  # plus 128, as an unsigned byte
    return words.reshape(-1)
