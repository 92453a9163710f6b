"""What every step of the pipeline is told: what is asked for, and the two places that all machines reach."""

import contextlib
import dataclasses
import functools
import pathlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from tf_gpt2.data.request import Settings
from tf_gpt2.data.token_files import FileSum
from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically
from tf_gpt2.locations import AnyPath, facts, inside, located, read_range, writing
from tf_gpt2.run_directory import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER_FILES = (TOKENIZER_FILE, TOKENIZER_CONFIG_FILE)


@dataclasses.dataclass(frozen=True)
class Order:
    """One preparation.

    What an engine does twice writes the same bytes to the same names, so nothing depends on how often it tries.

    Attributes:
        settings: What is asked for.
        work: Folder of what steps leave for others, on disks of all machines or at an address.
        output: Folder of the prepared corpus, likewise.
        given: The tokenizer to use, as `files_of` has it; None makes one.
        empty: What to say when there is no text.
    """

    settings: Settings
    work: str
    output: str
    given: tuple[bytes, ...] | None
    empty: str

    def part(self, name: str) -> AnyPath:
        """The place of a file of the work."""
        return inside(located(self.work), name)

    def read(self, name: str) -> bytes:
        """A file of the work."""
        path = self.part(name)
        return read_range(path, 0, facts(path).size)

    def rows(self, name: str, dtype: np.dtype, begin: int, end: int) -> np.ndarray:
        """Rows of a file of the work that holds an array."""
        return np.frombuffer(read_range(self.part(name), begin * dtype.itemsize, end * dtype.itemsize), dtype)

    def write(self, name: str, data: bytes) -> None:
        """Writes a file of the work."""
        with self.writing(name) as file:
            file.write(data)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[Any]]:
        """A file of the work, to be written."""
        with told_in_a_line(self.work), writing(self.part(name)) as file:
            yield file

    def put(self, name: str, pieces: Iterable[bytes]) -> "Summed":
        """Writes a file of the prepared corpus."""
        size = checksum = 0
        with told_in_a_line(self.output), writing(inside(located(self.output), name)) as file:
            for piece in pieces:
                file.write(piece)
                size += len(piece)
                checksum = zlib.crc32(piece, checksum)
        return Summed(name, FileSum(size, checksum))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, once it is there; a process opens it once."""
        return _opened(self)


class Summed(NamedTuple):
    """A file of the prepared corpus that has been written."""

    name: str
    sums: FileSum


class Problem(NamedTuple):
    """A mistake of the user's that a step met; of several the first by `key` is told, as when one process reads."""

    key: tuple[int, int]
    message: str


@contextlib.contextmanager
def told_in_a_line(place: str) -> Iterator[None]:
    """Turns what goes wrong with a file at an address into one clear line.

    Raises:
        UserError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {place}: {error.strerror or error}; make room there or choose another `output`"
        ) from error


def files_of(tokenizer: Tokenizer) -> tuple[bytes, ...]:
    """What `TOKENIZER_FILES` hold of a tokenizer."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        return tuple(pathlib.Path(folder, name).read_bytes() for name in TOKENIZER_FILES)


def tokenizer_of(files: Iterable[bytes]) -> Tokenizer:
    """The tokenizer that `files_of` gave."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in zip(TOKENIZER_FILES, files, strict=True):
            write_atomically(pathlib.Path(folder, name), data)
        return Tokenizer.load(folder)


@functools.lru_cache(maxsize=2)
def _opened(order: Order) -> Tokenizer:
    return tokenizer_of(order.read(name) for name in TOKENIZER_FILES)


def first_problem(results: Iterable[Any]) -> Problem | None:
    """The one that is told."""
    return min((result for result in results if isinstance(result, Problem)), default=None)
