"""The clean text of a corpus on its way to tokens: one file, the spool, of which memory holds a piece at a time."""

import codecs
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Literal, Protocol

import numpy as np

from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.data.text_table import Document

# Chinese clauses are the "words" of byte-level BPE, nearly all distinct, so training time grows
# with all of the text; a million characters, spread evenly over the corpus, give the frequent pairs
# as well.
_BPE_CHARACTERS = 1_000_000
_BPE_SLICE = 4_000
# Every text gives a slice; of a corpus of more short texts than give so many characters, some are left out.
_BPE_MOST = 500_000_000
# Texts of more bytes are never held in memory as a whole.
LONG = 4 << 20
_PIECE = 1 << 20


class Spool(Protocol):
    """Where the spool lies: a path, or several files that are read as one."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Opens it for reading."""


def read_documents(path: Spool, documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    """The documents with their texts, one after the other."""
    with path.open("rb") as file:
        for document in documents:
            file.seek(document.byte_offset)
            yield document, file.read(document.byte_length).decode()


def bytes_between(path: Spool, begin: int, end: int) -> Iterator[bytes]:
    """The bytes from `begin` to `end` of a spool, 1 MiB at a time."""
    with path.open("rb") as file:
        file.seek(begin)
        while begin < end:
            data = file.read(min(_PIECE, end - begin))
            if not data:
                raise OSError(f"{path} has become shorter")
            begin += len(data)
            yield data


def decoded(path: Spool, begin: int, end: int) -> Iterator[str]:
    """The text between two bytes of a file of UTF-8, some 1 MiB at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    return map(decoder.decode, bytes_between(path, begin, end))


def byte_places(path: Spool, document: Document, characters: Sequence[int]) -> list[int]:
    """Where characters of a document begin, in bytes of the file.

    Args:
        path: The spool.
        document: The document.
        characters: Places in it, ascending.
    """
    places, passed, begin = [], 0, document.byte_offset
    end = begin + document.byte_length
    wanted = list(characters)
    with path.open("rb") as file:
        file.seek(begin)
        while wanted and begin < end:
            data = np.frombuffer(file.read(min(_PIECE, end - begin)), np.uint8)
            first_bytes = (data & 0xC0) != 0x80
            here = int(np.count_nonzero(first_bytes))
            if wanted[0] < passed + here:
                starts = np.flatnonzero(first_bytes)
                while wanted and wanted[0] < passed + here:
                    places.append(begin + int(starts[wanted.pop(0) - passed]))
            passed += here
            begin += len(data)
    return places + [end] * len(wanted)


def part(path: Spool, document: Document, begin: int, end: int) -> Iterator[str]:
    """The characters from `begin` to `end` of a document, in pieces."""
    if document.byte_length <= LONG:
        for _, text in read_documents(path, [document]):
            yield text[begin:end]
        return
    yield from decoded(path, *byte_places(path, document, [begin, end]))


def count_held_out(path: Spool, documents: Iterable[Document], counter: CharacterCounter) -> None:
    """Counts the characters that are not trained on."""
    for document in documents:
        if document.cuts.train_end < document.cuts.characters:
            for piece in part(path, document, document.cuts.train_end, document.cuts.characters):
                counter.add(piece)


def bpe_sample(path: Spool, documents: Sequence[Document]) -> Iterator[str]:
    """Lines of evenly spaced slices of the training parts."""
    total = sum(document.cuts.train_end for document in documents)
    stride = max(1, -(-total // _BPE_CHARACTERS)) * _BPE_SLICE
    least = sum(min(document.cuts.train_end, _BPE_SLICE) for document in documents)
    for document in itertools.islice(documents, 0, None, max(1, -(-least // _BPE_MOST))):
        for text in _slices(part(path, document, 0, document.cuts.train_end), stride):
            yield from text.splitlines(keepends=True)


def _slices(pieces: Iterable[str], stride: int) -> Iterator[str]:
    """Of every `stride` characters of a text the first `_BPE_SLICE`."""
    passed, unfinished = 0, ""
    for piece in pieces:
        begin = -(passed % stride)  # where the slice that is open, or was last, began
        while begin < len(piece):
            unfinished += piece[max(0, begin) : max(0, begin + _BPE_SLICE)]
            if begin + _BPE_SLICE <= len(piece):
                if unfinished:
                    yield unfinished
                unfinished = ""
                begin += stride
            else:
                break
        passed += len(piece)
    if unfinished:
        yield unfinished
