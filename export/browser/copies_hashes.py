"""Hashes of the training text's passages: they tell that a run was copied and from which book, and hold no text.

Every window of a few characters less than the shortest copy is hashed, for each book on its own. A copy is a
run all of whose windows are there; it has at least `WINDOWS` of them, so that it takes as many false ones in a
row to find a copy where there is none. A hash is the number of a bucket and a byte; buckets hold less than one
on average.

web/src/runtime/originality/hash_index.js reads it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

WINDOWS = 4
_MOST_IN_A_BUCKET = 15  # a count is half a byte
_SEEDS = (0x9E3779B9, 0x85EBCA6B)
_PRIME = np.uint32(0x01000193)


class BookHashes(NamedTuple):
    """What is kept of a book.

    Attributes:
        bits: Of a bucket's number.
        counts: Hashes in each bucket, two buckets a byte, the first in the lower half: uint8 [2**bits / 2].
        bytes: The hashes' last bytes, bucket by bucket, ascending in each: uint8.
    """

    bits: int
    counts: np.ndarray
    bytes: np.ndarray


def hash_books(texts: Iterable[str], window: int) -> list[BookHashes]:
    """Hashes of all windows of so many characters, text by text."""
    return [_hash_book(np.frombuffer(text.encode("utf-32-le"), "<u4"), window) for text in texts]


def _hash_book(codes, window) -> BookHashes:
    count = max(0, len(codes) - window + 1)
    places, bytes_ = (hash_windows(codes, window, seed) for seed in _SEEDS)
    bits = max(1, int(count).bit_length())
    while True:
        found = np.unique((places >> np.uint32(32 - bits)).astype(np.int64) << 8 | (bytes_ >> np.uint32(24)))
        counts = np.bincount(found >> 8, minlength=1 << bits).astype(np.uint8)
        if counts.max(initial=0) <= _MOST_IN_A_BUCKET:
            return BookHashes(bits, counts[::2] | counts[1::2] << 4, (found & 0xFF).astype(np.uint8))
        bits += 1


def hash_windows(codes: np.ndarray, window: int, seed: int) -> np.ndarray:
    """A hash of the `window` code points from each on: FNV-1a over words, then MurmurHash3's last step, uint32."""
    codes = codes.astype(np.uint32)
    count = max(0, len(codes) - window + 1)
    sums = np.full(count, seed, np.uint32)
    for offset in range(window):
        sums = (sums ^ codes[offset : offset + count]) * _PRIME
    sums = (sums ^ (sums >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    sums = (sums ^ (sums >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return sums ^ (sums >> np.uint32(16))
