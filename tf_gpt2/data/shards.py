"""The tokens of a split in shards: files of a fixed number of tokens, the last one shorter, read as one array."""

from __future__ import annotations

import bisect
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.locations import RemotePath, read_range

SHARD_TOKENS = 1 << 27  # 256 MiB of uint16
# Seconds to wait before each new try of a read that failed: a network forgets a request now and then.
_WAITS = (0.5, 2.0, 8.0)


def shard_name(split: str, number: int) -> str:
    """The file of a shard: that of a corpus which has one alone is named after its split."""
    return f"{split}.bin" if not number else f"{split}.{number:05}.bin"


def shard_names(split: str, tokens: int, shard_tokens: int | None = None) -> list[str]:
    """The files of a split of so many tokens, of `SHARD_TOKENS` or so many each; one where there are none."""
    shard_tokens = shard_tokens or SHARD_TOKENS
    return [shard_name(split, number) for number in range(max(1, -(-tokens // shard_tokens)))]


def shard_sizes(split: str, tokens: int, dtype: np.dtype) -> dict[str, int]:
    """Bytes of the files of a split of so many tokens, of `SHARD_TOKENS` each."""
    names = shard_names(split, tokens)
    whole = SHARD_TOKENS * dtype.itemsize
    before = whole * (len(names) - 1)
    return {**dict.fromkeys(names, whole), names[-1]: tokens * dtype.itemsize - before}


class ShardWriter:
    """Writes the tokens of a split into shards, or goes on with that.

    Attributes:
        length: Tokens so far.
    """

    def __init__(self, folder: Path, split: str, dtype: np.dtype, length: int = 0):
        self._folder, self._split, self._dtype = folder, split, dtype
        self._file: BinaryIO | None = None
        self.length = length
        if not length:
            (folder / shard_name(split, 0)).write_bytes(b"")

    def write(self, ids: np.ndarray) -> None:
        """Appends tokens, int [n]."""
        begin = 0
        while begin < len(ids):
            shard, place = divmod(self.length, SHARD_TOKENS)
            if self._file is None or not place:
                self.close()
                self._file = (self._folder / shard_name(self._split, shard)).open("ab" if place else "wb")
            end = min(len(ids), begin + SHARD_TOKENS - place)
            self._file.write(ids[begin:end].astype(self._dtype).tobytes())
            self.length += end - begin
            begin = end

    def sizes(self) -> dict[str, int]:
        """Bytes of each file so far, all of them handed to the system."""
        if self._file is not None:
            self._file.flush()
        return shard_sizes(self._split, self.length, self._dtype)

    def close(self) -> None:
        """Closes the file; nothing is lost."""
        if self._file is not None:
            self._file.close()
            self._file = None


class RemoteTokens:
    """The tokens of a file at an address: what is asked for is read, and nothing kept."""

    def __init__(self, path: RemotePath, dtype: np.dtype, count: int):
        self._path, self.dtype, self._count = path, dtype, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: slice | np.ndarray) -> np.ndarray:
        if isinstance(at, slice):
            begin, end, _ = at.indices(len(self))
            return self._range(begin, max(begin, end))
        # The windows of a batch: each is one request.
        firsts = np.flatnonzero(np.diff(at, prepend=at[:1] - 2) != 1)
        runs = np.split(at, firsts[1:])
        return np.concatenate([self._range(int(run[0]), int(run[-1]) + 1) for run in runs])

    def _range(self, begin: int, end: int) -> np.ndarray:
        size = self.dtype.itemsize
        data = self._read(begin * size, end * size)
        if len(data) != (end - begin) * size:
            raise UserError(
                f"{self._path} must have {self._count:,} tokens: it has become shorter. Prepare it anew."
            )
        return np.frombuffer(data, self.dtype)

    def _read(self, begin: int, end: int) -> bytes:
        for wait in (*_WAITS, None):
            try:
                return read_range(self._path, begin, end)
            except OSError as error:
                if wait is None or isinstance(error, FileNotFoundError):
                    raise UserError(
                        f"{self._path} must be readable: {error.strerror or error}. Check the address, your "
                        "rights and the network; the same command goes on from the newest checkpoint."
                    ) from None
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def max(self) -> Any:
        """The largest token; reads all of them."""
        return self._range(0, len(self)).max()


class ShardedTokens:
    """Several arrays as one, read where they lie: what `np.memmap` does for one file.

    Indexing takes an integer, a slice without step, or an array of positions of any shape.
    """

    ndim = 1

    def __init__(self, shards: Sequence[Any]):
        self._shards = shards
        self._ends = list(itertools.accumulate(map(len, shards)))
        self._starts = np.array([0, *self._ends[:-1]], np.int64)
        self.dtype = shards[0].dtype

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def shape(self) -> tuple[int]:
        """As of an array."""
        return (len(self),)

    def __getitem__(self, at):
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            if step != 1:
                raise ValueError("a slice of shards must have no step")
            return self._range(begin, max(begin, end))
        positions = np.asarray(at, np.int64)
        shard = np.searchsorted(self._starts, positions, "right") - 1
        found = np.empty(positions.shape, self.dtype)
        for number in np.unique(shard).tolist():
            mine = shard == number
            found[mine] = self._shards[number][positions[mine] - self._starts[number]]
        return found if found.ndim else found[()]

    def _range(self, begin: int, end: int) -> np.ndarray:
        first = bisect.bisect_right(self._ends, begin)
        parts = []
        for number in range(first, len(self._shards)):
            start = int(self._starts[number])
            if start >= end:
                break
            parts.append(np.asarray(self._shards[number][max(0, begin - start) : end - start]))
        return np.concatenate(parts) if parts else np.zeros(0, self.dtype)

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(shard[:] for shard in self._shards)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._range(0, len(self)).astype(dtype or self.dtype, copy=False)

    def tolist(self) -> list[int]:
        """As of an array."""
        return np.asarray(self).tolist()

    def max(self) -> Any:
        """The largest token."""
        return max(shard.max() for shard in self._shards if len(shard))

    def astype(self, dtype: Any) -> np.ndarray:
        """As of an array, which it makes."""
        return np.asarray(self, dtype)
