"""The tokens of a split as a stream of texts and parts of texts: what stands between them, what is no target."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tf_gpt2.data.spool import Spool
from tf_gpt2.data.text_table import Document
from tf_gpt2.tokenizer import Tokenizer

# Characters of which the last token before a part is taken.
LOOK_BACK = 64
# Texts of so many characters at most are encoded so many together: a call for each costs more than the encoding.
_SHORT = 2_000
_TOGETHER = 1_000


class StreamLayout(NamedTuple):
    """What the shards hold: the number of tokens, and the positions, ascending, of those that are no targets."""

    tokens: int
    unpredicted: list[int]


class Tokens(Protocol):
    """Where tokens are written; `length` is how many were."""

    length: int

    def write(self, ids: np.ndarray) -> None:
        """Appends tokens, int [n]."""

    def sizes(self) -> dict[str, int]:
        """Bytes of each file so far, all of them handed to the system."""

    def close(self) -> None:
        """Ends it; nothing is lost."""


class SplitStream:
    """The tokens of a split: whole texts, each preceded by end-of-text, which also ends the former, and parts.

    A part comes after the token that precedes it in its text, so that its first one is predicted from something
    true. That token is no target, and neither is what comes after a part: a cut is never the end of a text.
    """

    def __init__(
        self, shards: Tokens, tokenizer: Tokenizer, counts: np.ndarray, state: dict[str, Any] | None = None
    ):
        """Begins, or goes on.

        Args:
            shards: Where the tokens go.
            tokenizer: What makes them.
            counts: int64 [texts], filled in with the number of tokens written for each text.
            state: What `state` gave; None at the beginning.
        """
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
        return self.write_batches(number, self._tokenizer.batches(pieces), begins=begins)

    def write_batches(self, number: int, batches: Iterable[str], *, begins: bool = True) -> Iterator[str]:
        """As `go_on`, of text in batches that `Tokenizer.batches` gave."""
        if begins:
            self._counts[number] = 1
        for at, batch in enumerate(batches):
            ids = self._tokenizer.encode_batch_of_lines(batch, begins=begins and not at)
            self._shards.write(ids)
            self._counts[number] += len(ids)
            yield batch

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


def add_document(streams: Sequence[SplitStream], number: int, document: Document, text: str) -> None:
    """Writes each split's part of a text that is held in memory.

    Args:
        streams: Those of `SPLITS`.
        number: Where the streams count its tokens.
        document: How it is divided.
        text: All of it.
    """
    borders = (0, *document.cuts)
    for stream, begin, end in zip(streams, borders, document.cuts, strict=False):
        if end - begin == len(text) <= _SHORT and begin < end:
            stream.add_short(number, text)
        elif begin < end:
            stream.begin(text[max(0, begin - LOOK_BACK) : begin])
            for _ in stream.go_on(number, [text[begin:end]]):
                pass
            stream.end(whole=end - begin == len(text))


def text_before(spool: Spool, first: int, begin: int) -> str:
    """The characters before a part, by which its first token is found; none where it begins at `first`.

    Args:
        spool: The clean texts.
        first: Byte at which its text begins.
        begin: Byte at which it begins.
    """
    if begin == first:
        return ""
    with spool.open("rb") as file:
        file.seek(begin - 4 * LOOK_BACK)
        return file.read(4 * LOOK_BACK).decode("utf-8", "ignore")[-LOOK_BACK:]
