"""The clean text of a corpus on its way to tokens: one file, the spool, read book by book."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tf_gpt2.corpus.report import BookReport
from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.token_files import Document, StreamLayout, read_documents
from tf_gpt2.tokenizer import Tokenizer

# Chinese clauses are the "words" of byte-level BPE, nearly all distinct, so training time grows
# with all of the text; a million characters, spread evenly over the corpus, give the frequent pairs
# as well.
_BPE_CHARACTERS = 1_000_000
_BPE_SLICE = 4_000
# Characters of which the last token before a part is taken.
_LOOK_BACK = 64
# Texts of so many characters at most are encoded so many together: a call for each costs more than the encoding.
_SHORT = 2_000
_TOGETHER = 1_000


def bpe_sample(spool: Path, documents: Sequence[Document]) -> Iterator[str]:
    """Lines of evenly spaced slices of the training parts."""
    total = sum(document.cuts.train_end for document in documents)
    stride = max(1, -(-total // _BPE_CHARACTERS)) * _BPE_SLICE
    for document, text in read_documents(spool, documents):
        for begin in range(0, document.cuts.train_end, stride):
            end = min(begin + _BPE_SLICE, document.cuts.train_end)
            yield from text[begin:end].splitlines(keepends=True)


def write_tokens(
    folder: Path, spool: Path, documents: Sequence[Document], tokenizer: Tokenizer, dtype: np.dtype
) -> tuple[list[BookReport], dict[str, StreamLayout]]:
    """Tokenises the spooled documents into a file for each split.

    Returns:
        What to report of each document, and what each split's file holds.
    """
    counts = np.zeros([len(documents), len(SPLITS)], np.int64)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context((folder / f"{split}.bin").open("wb")) for split in SPLITS]
        streams = [_Stream(file, tokenizer, dtype, counts[:, at]) for at, file in enumerate(files)]
        for number, (document, text) in enumerate(read_documents(spool, documents)):
            borders = (0, *document.cuts)
            for stream, begin, end in zip(streams, borders, document.cuts, strict=False):
                if begin < end:
                    stream.add(number, text, begin, end)
        layouts = {
            split: stream.finish(ring=split == "train") for split, stream in zip(SPLITS, streams, strict=True)
        }
    books = [
        BookReport(document.title, document.cuts.characters, *tokens)
        for document, tokens in zip(documents, counts.tolist(), strict=True)
    ]
    return books, layouts


class _Stream:
    """The tokens of a split: whole texts, each preceded by end-of-text, which also ends the former, and parts.

    A part comes after the token that precedes it in its text, so that its first one is predicted from something
    true. That token is no target, and neither is what comes after a part: a cut is never the end of a text.
    """

    def __init__(self, file: BinaryIO, tokenizer: Tokenizer, dtype: np.dtype, counts: np.ndarray):
        """Begins a stream.

        Args:
            file: Where the tokens go.
            tokenizer: What makes them.
            dtype: How they are stored.
            counts: int64 [texts], filled in with the number of tokens written for each text.
        """
        self._file, self._tokenizer, self._dtype, self._counts = file, tokenizer, dtype, counts
        self._length = 0
        self._unpredicted: list[int] = []
        self._ended = False  # what was written last is a whole text
        self._waiting: list[tuple[int, str]] = []  # short whole texts

    def add(self, number: int, text: str, begin: int, end: int) -> None:
        """Writes text[begin:end] of a text, or keeps it until there are several to write."""
        if end - begin == len(text) <= _SHORT:
            self._waiting.append((number, text))
            if len(self._waiting) == _TOGETHER:
                self._write_waiting()
            return
        self._write_waiting()
        before = self._length
        end_of_text = self._tokenizer.end_of_text_id
        if begin and self._ended:
            self._write([end_of_text])
        if begin or not self._ended:
            self._unpredicted.append(self._length)
        self._write(
            self._tokenizer.encode(text[max(0, begin - _LOOK_BACK) : begin])[-1:] if begin else [end_of_text]
        )
        for ids in self._tokenizer.encode_long(text[begin:end]):
            self._write(ids)
        self._ended = end - begin == len(text)
        self._counts[number] = self._length - before

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        numbers, texts = zip(*self._waiting, strict=True)
        self._waiting = []
        ids, lengths = self._tokenizer.encode_joined(texts)
        if not self._ended:
            self._unpredicted.append(self._length)
        self._write(np.insert(ids, np.cumsum(lengths) - lengths, self._tokenizer.end_of_text_id))
        self._ended = True
        self._counts[list(numbers)] = lengths + 1

    def finish(self, *, ring: bool) -> StreamLayout:
        """Ends the stream.

        Args:
            ring: The first token follows the last one, as in training; else the last text's end is written.
        """
        self._write_waiting()
        if self._ended and ring:
            self._unpredicted.remove(0)
        elif self._ended:
            self._write([self._tokenizer.end_of_text_id])
        return StreamLayout(self._length, self._unpredicted)

    def _write(self, ids) -> None:
        self._file.write(np.asarray(ids).astype(self._dtype).tobytes())
        self._length += len(ids)
