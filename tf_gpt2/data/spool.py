"""The clean text of a corpus on its way to tokens: one file, the spool, read book by book."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

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
    books = []
    with contextlib.ExitStack() as stack:
        streams = {
            split: _Stream(stack.enter_context((folder / f"{split}.bin").open("wb")), tokenizer, dtype)
            for split in SPLITS
        }
        for document, text in read_documents(spool, documents):
            tokens = {}
            for split, stream in streams.items():
                begin, end = document.cuts.span(split)
                tokens[split] = stream.add(text, begin, end) if begin < end else 0
            books.append(BookReport(document.title, document.cuts.characters, *tokens.values()))
        return books, {split: stream.finish(ring=split == "train") for split, stream in streams.items()}


class _Stream:
    """The tokens of a split: whole texts, each preceded by end-of-text, which also ends the former, and parts.

    A part comes after the token that precedes it in its text, so that its first one is predicted from something
    true. That token is no target, and neither is what comes after a part: a cut is never the end of a text.
    """

    def __init__(self, file, tokenizer: Tokenizer, dtype: np.dtype):
        self._file, self._tokenizer, self._dtype = file, tokenizer, dtype
        self._length = 0
        self._unpredicted: list[int] = []
        self._ended = False  # what was written last is a whole text

    def add(self, text: str, begin: int, end: int) -> int:
        """Writes text[begin:end]; returns the number of tokens written."""
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
        return self._length - before

    def finish(self, *, ring: bool) -> StreamLayout:
        """Ends the stream.

        Args:
            ring: The first token follows the last one, as in training; else the last text's end is written.
        """
        if self._ended and ring:
            self._unpredicted.remove(0)
        elif self._ended:
            self._write([self._tokenizer.end_of_text_id])
        return StreamLayout(self._length, self._unpredicted)

    def _write(self, ids) -> None:
        self._file.write(np.asarray(ids).astype(self._dtype).tobytes())
        self._length += len(ids)
