"""The folder of a prepared corpus: token files, tokenizer, index; written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf_gpt2.corpus.report import CorpusReport
from tf_gpt2.data.holding_out import SPLITS, Cuts
from tf_gpt2.files import read_bounded, replacing_folder, write_atomically
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tf_gpt2.schemas import PreparedIndex

# Part of the cache key: raise it when cleaning, splitting or the files change what is stored.
FORMAT_VERSION = 3
INDEX_NAME = "index.json"
TEXT_NAME = "text.bin"  # the clean texts, one after the other; no name that a corpus is looked for by


class Document(NamedTuple):
    """A clean text in `TEXT_NAME`: where its bytes lie and how it is divided."""

    title: str
    cuts: Cuts
    byte_offset: int
    byte_length: int


class StreamLayout(NamedTuple):
    """What a token file holds: its number of tokens, and the positions, ascending, of those that are no targets."""

    tokens: int
    unpredicted: list[int]


@dataclasses.dataclass(frozen=True)
class TokenStream:
    """The tokens of a split: texts in order, each preceded by the end-of-text token.

    A part of a text that was cut is preceded by the token before it instead, so every character is predicted.

    Attributes:
        tokens: uint16 or uint32 [N], a read-only memory map.
        unpredicted: int64 [K], ascending: positions of tokens that are no targets, those after a cut.
        characters: Number of characters of text.
    """

    tokens: np.ndarray
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
    documents: tuple[Document, ...]
    from_cache: bool

    def training_texts(self) -> Iterator[tuple[str, str]]:
        """(title, text) of what is trained on, in order."""
        for document, text in read_documents(self.folder / TEXT_NAME, self.documents):
            if document.cuts.train_end:
                yield document.title, text[: document.cuts.train_end]

    def held_out_texts(self) -> Iterator[tuple[str, str]]:
        """(title, text) of what is held out for validation and test, in order."""
        for document, text in read_documents(self.folder / TEXT_NAME, self.documents):
            if document.cuts.train_end < len(text):
                yield document.title, text[document.cuts.train_end :]

    @property
    def streams(self) -> dict[str, TokenStream]:
        """The token streams by the names of `holding_out.SPLITS`."""
        return {split: getattr(self, split) for split in SPLITS}


def read_documents(path: Path, documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    """The documents with their texts, one after the other."""
    with path.open("rb") as file:
        for document in documents:
            file.seek(document.byte_offset)
            yield document, file.read(document.byte_length).decode()


def token_dtype(vocab_size: int) -> np.dtype:
    """The smallest of uint16 and uint32, little endian, that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


_LARGEST_INDEX = 1 << 30  # some 100 bytes for each of the texts


def read_prepared(folder: Path, *, from_cache: bool) -> PreparedCorpus | None:
    """Opens a prepared corpus; None when it is missing, damaged or of another version."""
    from tf_gpt2.schemas import PreparedIndex

    try:
        index = PreparedIndex.model_validate_json(read_bounded(folder / INDEX_NAME, _LARGEST_INDEX))
        sums = {name: _crc32(folder / name) for name in _checked_files()}
        if index.version != FORMAT_VERSION or index.crc32 != sums:
            return None
        streams = {split: _open_stream(folder / f"{split}.bin", index, split) for split in SPLITS}
        documents = _documents(index, (folder / TEXT_NAME).stat().st_size)
        tokenizer = Tokenizer.load(folder)
    except (OSError, ValueError):  # pydantic's error, and a user's, are ValueErrors
        return None
    return PreparedCorpus(
        folder=folder,
        tokenizer=tokenizer,
        report=index.report,
        documents=documents,
        from_cache=from_cache,
        **streams,
    )


def write_index(
    folder: Path,
    report: CorpusReport,
    documents: Sequence[Document],
    dtype: np.dtype,
    layouts: Mapping[str, StreamLayout],
) -> None:
    """Completes a folder that holds texts, token files and tokenizer with an index."""
    index = {
        "version": FORMAT_VERSION,
        "dtype": dtype.str,
        "streams": {split: layout._asdict() for split, layout in layouts.items()},
        "cuts": [(document.cuts.train_end, document.cuts.validation_end) for document in documents],
        "places": [(document.byte_offset, document.byte_length) for document in documents],
        "crc32": {name: _crc32(folder / name) for name in _checked_files()},
        # As dataclasses.asdict has it, which copies every value deeply: seconds for 100,000 texts.
        "report": {**vars(report), "books": [vars(book) for book in report.books]},
    }
    write_atomically(folder / INDEX_NAME, json.dumps(index, ensure_ascii=False).encode())


def _checked_files() -> list[str]:
    return [*(f"{split}.bin" for split in SPLITS), TEXT_NAME, "tokenizer.json"]


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


def _open_stream(path: Path, index: PreparedIndex, split: str) -> TokenStream:
    layout = getattr(index.streams, split)
    characters = {"validation": index.report.validation_characters, "test": index.report.test_characters}
    held_out = sum(characters.values())
    unpredicted = np.array(layout.unpredicted, np.int64)
    if np.any(np.diff(unpredicted) <= 0) or (len(unpredicted) and unpredicted[-1] >= layout.tokens):
        raise ValueError(f"{path}: its index is damaged")
    tokens = _map_tokens(path, np.dtype(index.dtype), layout.tokens)
    return TokenStream(tokens, unpredicted, characters.get(split, index.report.characters - held_out))


def _documents(index: PreparedIndex, size: int) -> tuple[Document, ...]:
    """The texts of an index, which fill the `size` bytes of their file one after the other.

    Raises:
        ValueError: They do not.
    """
    ends = np.cumsum([length for _, length in index.places])
    starts = np.concatenate([[0], ends[:-1]])
    if [begin for begin, _ in index.places] != starts.tolist() or not len(ends) or ends[-1] != size:
        raise ValueError("the index is damaged: its texts do not fill their file")
    return tuple(
        Document(book.title, Cuts(*cuts, book.characters), *place)
        for book, cuts, place in zip(index.report.books, index.cuts, index.places, strict=True)
    )


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
