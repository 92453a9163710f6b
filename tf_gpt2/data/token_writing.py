"""Tokenises the spooled texts into the shards of each split, or goes on with that."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.journal import Journal, Pace
from tf_gpt2.data.shards import ShardWriter
from tf_gpt2.data.spool import LONG, byte_places, decoded, read_documents
from tf_gpt2.data.text_table import Document
from tf_gpt2.data.token_stream import SplitStream, StreamLayout, add_document, text_before
from tf_gpt2.file_system import reserve
from tf_gpt2.tokenizer import Tokenizer

COUNTS_NAME = "counts.part"
COUNTS_BYTES = 8 * len(SPLITS)  # of a text
SECTION = "tokens"  # of the journal


def counts_file(path: Path, texts: int) -> np.ndarray:
    """The tokens of each text in each split, int64 [texts, splits], zeros or as a killed process left them.

    Raises:
        OSError: The file cannot be written, or has no room.
    """
    size = texts * COUNTS_BYTES
    if path.exists() and path.stat().st_size != size:
        path.unlink()
    reserve(path, size)
    return np.memmap(path, np.int64, mode="r+", shape=(texts, len(SPLITS)))


class TokenWriting:
    """Writes the tokens of a corpus."""

    def __init__(
        self,
        folder: Path,
        spool: Path,
        documents: Sequence[Document],
        tokenizer: Tokenizer,
        dtype: np.dtype,
        counts: np.ndarray,
        journal: Journal | None = None,
    ):
        """Begins.

        Args:
            folder: Where the shards go.
            spool: The clean texts.
            documents: Where they lie, and how they are divided.
            tokenizer: What makes the tokens.
            dtype: How they are stored.
            counts: int64 [texts, splits], filled in with the number of tokens written for each text.
            journal: Where finished work is noted.
        """
        self._spool, self._documents, self._journal = spool, documents, journal
        self._counts = counts
        self._next: dict[str, Any] = {"document": 0}
        states: list[dict[str, Any] | None] = [None] * len(SPLITS)
        if journal is not None and (stored := journal.sections.get(SECTION)) is not None:
            self._next = dict(stored)
            states = self._next.pop("streams")
        self._streams = [
            SplitStream(
                ShardWriter(folder, split, dtype, state["length"] if state else 0), tokenizer, counts[:, at], state
            )
            for at, (split, state) in enumerate(zip(SPLITS, states, strict=True))
        ]

    def run(self) -> dict[str, StreamLayout]:
        """Writes what is left; returns what the shards of each split hold.

        Raises:
            OSError: The folder cannot be written.
            UserError: The tokenizer cannot encode a text.
        """
        self._pace = Pace("tokenised", self._spool.stat().st_size, self._done())
        first = self._next["document"]
        for number, document in enumerate(_from(self._documents, first), start=first):
            if document.byte_length > LONG:
                self._add_long(number, document)
            else:
                for _, text in read_documents(self._spool, [document]):
                    add_document(self._streams, number, document, text)
                self._next = {"document": number + 1}
                self._commit(document.byte_length)
        return {
            split: stream.finish(ring=split == "train") for split, stream in zip(SPLITS, self._streams, strict=True)
        }

    def _add_long(self, number: int, document: Document) -> None:
        """As `add_document`, of a text that is not held in memory."""
        cuts = document.cuts
        places = byte_places(self._spool, document, [0, *cuts])
        first, at = self._next.get("split", 0), self._next.get("byte")
        for split, stream in list(enumerate(self._streams))[first:]:
            begin, end = places[split], places[split + 1]
            if begin == end:
                continue
            if at is None:
                stream.begin(text_before(self._spool, places[0], begin))
                at = begin
            else:  # what the file has may have been counted after the entry was made
                self._counts[number, split] = self._next["count"]
            pieces = decoded(self._spool, at, end)
            for batch in stream.go_on(number, pieces, begins=at == begin):
                size = len(batch.encode())
                at += size
                count = int(self._counts[number, split])
                self._next = {"document": number, "split": split, "byte": at, "count": count}
                self._commit(size)
            stream.end(whole=(begin, end) == (places[0], places[-1]))
            at = None
        self._next = {"document": number + 1}

    def _done(self) -> int:
        number = self._next["document"]
        if number >= len(self._documents):
            return self._spool.stat().st_size
        return self._next.get("byte") or self._documents[number].byte_offset

    def _commit(self, done: int) -> None:
        if self._journal is None or not self._journal.is_due(done):
            return
        self._pace.at(self._done())
        files: dict[str, int] = {}
        for stream in self._streams:
            files |= stream.flush()
        if isinstance(self._counts, np.memmap):
            self._counts.flush()
        states = [stream.state() for stream in self._streams]
        self._journal.write(SECTION, {**self._next, "streams": states}, files)


def _from(documents: Sequence[Document], first: int) -> Iterable[Document]:
    return documents if not first else (documents[number] for number in range(first, len(documents)))
