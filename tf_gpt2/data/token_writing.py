"""Tokenises the spooled texts into the shards of each split, or goes on with that."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.journal import Journal, Pace
from tf_gpt2.data.shards import ShardWriter
from tf_gpt2.data.spool import LONG, byte_places, decoded, read_documents
from tf_gpt2.data.text_table import Document
from tf_gpt2.tokenizer import Tokenizer

COUNTS_NAME = "counts.part"
SECTION = "tokens"  # of the journal
# Characters of which the last token before a part is taken.
_LOOK_BACK = 64
# Texts of so many characters at most are encoded so many together: a call for each costs more than the encoding.
_SHORT = 2_000
_TOGETHER = 1_000


class StreamLayout(NamedTuple):
    """What the shards hold: the number of tokens, and the positions, ascending, of those that are no targets."""

    tokens: int
    unpredicted: list[int]


def counts_file(path: Path, texts: int) -> np.ndarray:
    """The tokens of each text in each split, int64 [texts, splits], zeros or as a killed process left them."""
    mode: Literal["r+", "w+"] = "r+" if path.exists() and path.stat().st_size == texts * 8 * len(SPLITS) else "w+"
    return np.memmap(path, np.int64, mode=mode, shape=(texts, len(SPLITS)))


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
            _Stream(
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
                    self._add(number, document, text)
                self._next = {"document": number + 1}
                self._commit(document.byte_length)
        return {
            split: stream.finish(ring=split == "train") for split, stream in zip(SPLITS, self._streams, strict=True)
        }

    def _add(self, number: int, document: Document, text: str) -> None:
        borders = (0, *document.cuts)
        for stream, begin, end in zip(self._streams, borders, document.cuts, strict=False):
            if end - begin == len(text) <= _SHORT and begin < end:
                stream.add_short(number, text)
            elif begin < end:
                before = text[max(0, begin - _LOOK_BACK) : begin]
                stream.begin(before)
                for _ in stream.go_on(number, [text[begin:end]]):
                    pass
                stream.end(whole=end - begin == len(text))

    def _add_long(self, number: int, document: Document) -> None:
        """As `_add`, of a text that is not held in memory."""
        cuts = document.cuts
        places = byte_places(self._spool, document, [0, *cuts])
        first, at = self._next.get("split", 0), self._next.get("byte")
        for split, stream in list(enumerate(self._streams))[first:]:
            begin, end = places[split], places[split + 1]
            if begin == end:
                continue
            if at is None:
                before = b"" if begin == places[0] else _bytes(self._spool, begin - 4 * _LOOK_BACK, begin)
                stream.begin(before.decode("utf-8", "ignore")[-_LOOK_BACK:])
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


def _bytes(path: Path, begin: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(end - begin)


class _Stream:
    """The tokens of a split: whole texts, each preceded by end-of-text, which also ends the former, and parts.

    A part comes after the token that precedes it in its text, so that its first one is predicted from something
    true. That token is no target, and neither is what comes after a part: a cut is never the end of a text.
    """

    def __init__(
        self, shards: ShardWriter, tokenizer: Tokenizer, counts: np.ndarray, state: dict[str, Any] | None = None
    ):
        self._shards, self._tokenizer, self._counts = shards, tokenizer, counts
        self._unpredicted: list[int] = state["unpredicted"] if state else []
        self._ended = bool(state and state["ended"])  # what was written last is a whole text
        self._waiting: list[tuple[int, str]] = []  # short whole texts

    def add_short(self, number: int, text: str) -> None:
        """Writes a whole text, or keeps it until there are several to write."""
        self._waiting.append((number, text))
        if len(self._waiting) == _TOGETHER:
            self.flush()

    def begin(self, before: str) -> None:
        """Begins a whole text, or a part that comes after `before`."""
        self.flush()
        end_of_text = self._tokenizer.end_of_text_id
        if before and self._ended:
            self._shards.write(np.array([end_of_text]))
        if before or not self._ended:
            self._unpredicted.append(self._shards.length)
        self._shards.write(self._tokenizer.encode(before)[-1:] if before else np.array([end_of_text]))

    def go_on(self, number: int, pieces: Iterable[str], *, begins: bool = True) -> Iterator[str]:
        """Writes text of what was begun; yields each piece of it when it is written."""
        if begins:
            self._counts[number] = 1
        for ids, text in self._tokenizer.encode_pieces(pieces, begins=begins):
            self._shards.write(ids)
            self._counts[number] += len(ids)
            yield text

    def end(self, *, whole: bool) -> None:
        """Ends a text, or a part of one."""
        self._ended = whole

    def flush(self) -> dict[str, int]:
        """Writes all that waits; returns the bytes of each file."""
        if self._waiting:
            numbers, texts = zip(*self._waiting, strict=True)
            self._waiting = []
            ids, lengths = self._tokenizer.encode_joined(texts)
            if not self._ended:
                self._unpredicted.append(self._shards.length)
            self._shards.write(np.insert(ids, np.cumsum(lengths) - lengths, self._tokenizer.end_of_text_id))
            self._ended = True
            self._counts[list(numbers)] = lengths + 1
        return self._shards.sizes()

    def state(self) -> dict[str, Any]:
        """What the journal keeps."""
        return {"length": self._shards.length, "unpredicted": self._unpredicted, "ended": self._ended}

    def finish(self, *, ring: bool) -> StreamLayout:
        """Ends the stream.

        Args:
            ring: The first token follows the last one, as in training; else the last text's end is written.
        """
        self.flush()
        if self._ended and ring:
            self._unpredicted.remove(0)
        elif self._ended:
            self._shards.write(np.array([self._tokenizer.end_of_text_id]))
        self._shards.close()
        return StreamLayout(self._shards.length, self._unpredicted)
