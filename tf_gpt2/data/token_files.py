"""The folder of a prepared corpus: shards of tokens, texts, tokenizer, index; written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf_gpt2.corpus.report import BookReport, CorpusReport
from tf_gpt2.data import shards
from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.shards import RemoteTokens, ShardedTokens, shard_names
from tf_gpt2.data.spool import part
from tf_gpt2.data.text_table import TABLE_NAME, TEXT_NAME, TITLES_NAME, BookReports, Document, Documents, TextTable
from tf_gpt2.data.token_stream import StreamLayout
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_bounded, replacing_folder, write_atomically
from tf_gpt2.locations import RemotePath, below, facts
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tf_gpt2.schemas import PreparedIndex

# Raise it when the files change; what is stored in them is the cache key's business (prepare.py).
LAYOUT_VERSION = 4
INDEX_NAME = "index.json"
TOKENIZER_NAME = "tokenizer.json"
# What is read at once rather than by the window: of a corpus at an address a copy is kept.
SMALL_NAMES = (TABLE_NAME, TITLES_NAME, TOKENIZER_NAME)


@dataclasses.dataclass(frozen=True)
class TokenStream:
    """The tokens of a split: texts in order, each preceded by the end-of-text token.

    A part of a text that was cut is preceded by the token before it instead, so every character is predicted.

    Attributes:
        tokens: uint16 or uint32 [N], a read-only memory map, or several as one (`ShardedTokens`).
        unpredicted: int64 [K], ascending: positions of tokens that are no targets, those after a cut.
        characters: Number of characters of text.
    """

    tokens: np.ndarray | ShardedTokens
    unpredicted: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    characters: int = 0

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def targets(self) -> int:
        """Number of tokens that are predicted when the stream is read once from its first token."""
        return max(0, len(self.tokens) - 1 - int(np.count_nonzero(self.unpredicted)))

    def are_targets(self, positions: np.ndarray) -> np.ndarray:
        """Whether the tokens at these positions, of any shape, count as targets."""
        at = np.searchsorted(self.unpredicted, positions)
        return np.append(self.unpredicted, -1)[at] != positions


@dataclasses.dataclass(frozen=True)
class PreparedCorpus:
    """A corpus ready for training.

    A loss in nats per token, times `targets / characters` of its stream, is in nats per character.

    Attributes:
        folder: Where the files lie.
        tokenizer: The tokenizer, as loaded from there.
        train: What is trained on.
        validation: What decisions read: which model is kept, when to stop.
        test: What none reads.
        report: Figures for the user.
        documents: The texts, in order.
        from_cache: Whether it was there already.
    """

    folder: Path
    tokenizer: Tokenizer
    train: TokenStream
    validation: TokenStream
    test: TokenStream
    report: CorpusReport
    documents: Sequence[Document]
    from_cache: bool

    def training_texts(self) -> Iterator[tuple[str, str]]:
        """(title, text) of what is trained on, in order."""
        for document in self.documents:
            if document.cuts.train_end:
                yield document.title, "".join(part(self._texts, document, 0, document.cuts.train_end))

    def held_out_texts(self) -> Iterator[tuple[str, str]]:
        """(title, text) of what is held out for validation and test, in order."""
        for document in self.documents:
            begin, _, end = document.cuts
            if begin < end:
                yield document.title, "".join(part(self._texts, document, begin, end))

    @property
    def has_texts(self) -> bool:
        """Whether the texts are on this machine, as they are not where a corpus is read from an address."""
        return (self.folder / TEXT_NAME).exists()

    @property
    def text_bytes(self) -> int:
        """Bytes of all texts in UTF-8."""
        last = self.documents[-1]
        return last.byte_offset + last.byte_length

    @property
    def _texts(self) -> Path:
        path = self.folder / TEXT_NAME
        if not path.exists():
            raise UserError(f"The texts of {self.folder.name} must be here: they are elsewhere. Copy the folder.")
        return path

    @property
    def streams(self) -> dict[str, TokenStream]:
        """The token streams by the names of `holding_out.SPLITS`."""
        return {split: getattr(self, split) for split in SPLITS}


def token_dtype(vocab_size: int) -> np.dtype:
    """The smallest of uint16 and uint32, little endian, that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def read_prepared(folder: Path, *, from_cache: bool) -> PreparedCorpus | None:
    """Opens a prepared corpus; None when it is missing, damaged or of another version."""
    try:
        return open_folder(folder, from_cache=from_cache)
    except (OSError, ValueError):  # pydantic's error, and a user's, are ValueErrors
        return None


def open_folder(folder: Path, *, from_cache: bool, shards_at: RemotePath | None = None) -> PreparedCorpus:
    """Opens a prepared corpus.

    Args:
        folder: Where its files lie.
        from_cache: What the corpus says of itself.
        shards_at: Where shards and texts lie when not on this machine; of these only the sizes are checked.

    Raises:
        OSError: A file is missing.
        ValueError: One is damaged, or of another version.
    """
    from tf_gpt2.schemas import PreparedIndex

    index = PreparedIndex.model_validate_json(read_bounded(folder / INDEX_NAME))
    if index.version != LAYOUT_VERSION:
        raise ValueError(f"{folder}: its layout is {index.version}, and {LAYOUT_VERSION} is read")
    for name in _names({split: len_of(index, split) for split in SPLITS}, index.shard_tokens):
        if shards_at is None or name in SMALL_NAMES:
            _check(folder / name, index)
        elif name not in index.files or facts(below(shards_at, name)).size != index.files[name].bytes:
            raise ValueError(f"{below(shards_at, name)} is damaged")
    streams = {split: _open_stream(folder, index, split, shards_at) for split in SPLITS}
    table = TextTable.open(folder, index.files[TEXT_NAME].bytes)
    tokenizer = Tokenizer.load(folder)
    books: Sequence[BookReport] = BookReports(table)
    return PreparedCorpus(
        folder=folder,
        tokenizer=tokenizer,
        report=CorpusReport(books=books, **index.report.model_dump()),
        documents=Documents(table),
        from_cache=from_cache,
        **streams,
    )


def len_of(index: PreparedIndex, split: str) -> int:
    """Tokens of a split."""
    return getattr(index.streams, split).tokens


def write_index(
    folder: Path, report: CorpusReport, dtype: np.dtype, layouts: Mapping[str, StreamLayout], table: TextTable
) -> None:
    """Completes a folder that holds texts, their table, shards and tokenizer with an index.

    Args:
        folder: That folder.
        report: What the index says of the corpus.
        dtype: Of the tokens.
        layouts: What was written into the shards, by split.
        table: The texts that were written.

    Raises:
        UserError: A file has another size than what was written into it.
    """
    for name, size in _sizes(dtype, layouts, table).items():
        if (found := (folder / name).stat().st_size) != size:
            raise UserError(
                f"{name} of the prepared corpus must have the {size:,} bytes that were written: it has {found:,}. "
                "Prepare it in one process at a time, or check the disk."
            )
    names = _names({split: layout.tokens for split, layout in layouts.items()}, shards.SHARD_TOKENS)
    sums = {name: FileSum((folder / name).stat().st_size, _crc32(folder / name)) for name in names}
    write_atomically(folder / INDEX_NAME, index_of(report, dtype, layouts, sums))


def _sizes(dtype: np.dtype, layouts: Mapping[str, StreamLayout], table: TextTable) -> dict[str, int]:
    sizes = {TABLE_NAME: table.rows.nbytes, TITLES_NAME: table.titles.nbytes}
    sizes[TEXT_NAME] = int(table.rows["begin"][-1] + table.rows["bytes"][-1])
    for split, layout in layouts.items():
        sizes |= shards.shard_sizes(split, layout.tokens, dtype)
    return sizes


def index_of(
    report: CorpusReport, dtype: np.dtype, layouts: Mapping[str, StreamLayout], sums: Mapping[str, FileSum]
) -> bytes:
    """What the index of a prepared corpus holds whose files have these sums, by name."""
    names = _names({split: layout.tokens for split, layout in layouts.items()}, shards.SHARD_TOKENS)
    index = {
        "version": LAYOUT_VERSION,
        "dtype": dtype.str,
        "shard_tokens": shards.SHARD_TOKENS,
        "streams": {split: layout._asdict() for split, layout in layouts.items()},
        "files": {name: sums[name]._asdict() for name in names},
        "report": {name: value for name, value in vars(report).items() if name != "books"},
    }
    return json.dumps(index, ensure_ascii=False).encode()


class FileSum(NamedTuple):
    """Bytes and checksum of a file."""

    bytes: int
    crc32: int


def _names(tokens: Mapping[str, int], shard_tokens: int) -> list[str]:
    """The files of a prepared corpus that its index vouches for."""
    names = [name for split in SPLITS for name in shard_names(split, tokens[split], shard_tokens)]
    return [*names, TEXT_NAME, TABLE_NAME, TITLES_NAME, TOKENIZER_NAME]


def _check(path: Path, index: PreparedIndex) -> None:
    """Refuses a file that is not what it was when the index was written.

    Raises:
        OSError: It is missing.
        ValueError: It has another size or checksum.
    """
    known = index.files.get(path.name)
    if known is None or path.stat().st_size != known.bytes or _crc32(path) != known.crc32:
        raise ValueError(f"{path} is damaged")


def new_prepared_folder(target: Path) -> contextlib.AbstractContextManager[Path]:
    """A temporary folder that becomes `target` at the end, or vanishes when an error occurs.

    What is at `target` is replaced, unless another process has put a whole prepared corpus there meanwhile.

    Raises:
        UserError: The disk is full or the place cannot be written.
    """
    return replacing_folder(
        target,
        complete=lambda folder: read_prepared(folder, from_cache=True) is not None,
        remedy="make room in the cache or set TF_GPT2_CACHE to another folder",
    )


def _open_stream(folder: Path, index: PreparedIndex, split: str, shards_at: RemotePath | None) -> TokenStream:
    layout = getattr(index.streams, split)
    characters = {"validation": index.report.validation_characters, "test": index.report.test_characters}
    held_out = sum(characters.values())
    unpredicted = np.array(layout.unpredicted, np.int64)
    if np.any(np.diff(unpredicted) <= 0) or (len(unpredicted) and unpredicted[-1] >= layout.tokens):
        raise ValueError(f"{folder}: its index is damaged")
    dtype, size = np.dtype(index.dtype), index.shard_tokens
    counts = {
        name: min(size, layout.tokens - number * size)
        for number, name in enumerate(shard_names(split, layout.tokens, size))
    }
    tokens: np.ndarray | ShardedTokens
    if shards_at is not None:
        tokens = ShardedTokens([RemoteTokens(below(shards_at, name), dtype, n) for name, n in counts.items()])
    else:
        maps = [_map_tokens(folder / name, dtype, n) for name, n in counts.items()]
        tokens = maps[0] if len(maps) == 1 else ShardedTokens(maps)
    return TokenStream(tokens, unpredicted, characters.get(split, index.report.characters - held_out))


def _map_tokens(path: Path, dtype: np.dtype, count: int) -> np.ndarray:
    if path.stat().st_size != count * dtype.itemsize:
        raise ValueError(f"{path} has not {count} tokens")
    return np.memmap(path, dtype, mode="r", shape=(count,)) if count else np.zeros(0, dtype)


def _crc32(path: Path) -> int:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise OSError(errno.EINVAL, f"{path} is no file")
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            checksum = zlib.crc32(piece, checksum)
    return checksum
