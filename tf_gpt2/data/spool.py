"""The clean text of a corpus on its way from files to tokens: one spool file, read book by book."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_gpt2.corpus.report import BookReport
from tf_gpt2.data.token_files import SPLITS
from tf_gpt2.tokenizer import Tokenizer

# Chinese clauses are the "words" of byte-level BPE, nearly all distinct, so training time grows
# with all of the text; a million characters, spread evenly over the corpus, give the frequent pairs
# as well.
_BPE_CHARACTERS = 1_000_000
_BPE_SLICE = 4_000


@dataclasses.dataclass(frozen=True)
class Document:
    """A clean book in the spool: where its bytes lie and where its held-out span begins."""

    title: str
    characters: int
    held_out: int
    byte_offset: int
    byte_length: int


def _read_spool(spool: Path, documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    with spool.open("rb") as file:
        for document in documents:
            file.seek(document.byte_offset)
            yield document, file.read(document.byte_length).decode()


def bpe_sample(spool: Path, documents: Sequence[Document]) -> Iterator[str]:
    """Lines of evenly spaced slices of the training parts."""
    total = sum(document.held_out for document in documents)
    stride = max(1, -(-total // _BPE_CHARACTERS)) * _BPE_SLICE
    for document, text in _read_spool(spool, documents):
        for begin in range(0, document.held_out, stride):
            yield from text[begin : min(begin + _BPE_SLICE, document.held_out)].splitlines(keepends=True)


def write_tokens(
    folder: Path, spool: Path, documents: Sequence[Document], tokenizer: Tokenizer, dtype: np.dtype
) -> list[BookReport]:
    """Tokenises the spooled documents into train.bin and validation.bin; returns what to report of each."""
    books = []
    end_of_text = np.array([tokenizer.end_of_text_id], dtype).tobytes()
    with (
        (folder / "train.bin").open("wb") as train,
        (folder / "validation.bin").open("wb") as validation,
    ):
        outputs = dict(zip(SPLITS, (train, validation), strict=True))
        for document, text in _read_spool(spool, documents):
            spans = {"train": text[: document.held_out], "validation": text[document.held_out :]}
            tokens = {}
            for split, span in spans.items():
                tokens[split] = 0
                if span:
                    outputs[split].write(end_of_text)
                    tokens[split] = 1 + _write_span(outputs[split], span, tokenizer, dtype)
            books.append(BookReport(document.title, document.characters, tokens["train"], tokens["validation"]))
    return books


def _write_span(output, span: str, tokenizer: Tokenizer, dtype) -> int:
    written = 0
    for ids in tokenizer.encode_long(span):
        output.write(ids.astype(dtype).tobytes())
        written += len(ids)
    return written
