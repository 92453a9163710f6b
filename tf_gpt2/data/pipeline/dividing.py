"""Where all texts come together: their order, what is held out, the vocabulary, and the tasks that make tokens."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.data.holding_out import WHOLE_TEXTS_FROM, hold_out
from tf_gpt2.data.joining import joint, rows_of_texts, titles_of
from tf_gpt2.data.pipeline.finishing import Assembly
from tf_gpt2.data.pipeline.order import TOKENIZER_FILES, Order, Problem, files_of, first_problem, tokenizer_of
from tf_gpt2.data.pipeline.parts import PartedText, Span, literal
from tf_gpt2.data.pipeline.reading import Read
from tf_gpt2.data.pipeline.tokenising import chapters_of
from tf_gpt2.data.spool import bytes_between
from tf_gpt2.data.summing_up import new_tokenizer
from tf_gpt2.data.text_table import LENGTHS, TABLE_NAME, TEXT_NAME, TITLES_NAME, Documents, TextTable, begun_table
from tf_gpt2.tokenizer import Tokenizer

COUNTS_PART, MARKED_PART = "characters", "marked"


def divide(
    results: Sequence[Read | Problem], order: Order, counted: tuple[np.ndarray, np.ndarray]
) -> Iterator[Any]:
    """From everything that was read to what makes tokens of it.

    Args:
        results: What was read, in any order.
        order: What is asked for.
        counted: Code points of all pieces and how often each occurs, int64 [n].

    Yields:
        The first problem; or the files that are done (`Summed`), the text to be put together (`Assembly`) and the
        texts to be tokenised (`Chapter`).
    """
    if (problem := first_problem(results)) is not None:
        yield problem
        return
    corpus = Joined()
    for result in sorted((found for found in results if isinstance(found, Read)), key=lambda found: found.key):
        corpus.add(result)
    corpus.close()
    if not corpus.rows:
        yield Problem((0, 0), order.empty)
        return
    text = PartedText(order, corpus.spans)
    text.save()
    corpus.counter.add_occurrences(*counted)
    everything = corpus.counter.counts()
    table = corpus.table(text, order)
    tokenizer = _tokenizer(order, text, Documents(table), everything)
    for name, data in zip(TOKENIZER_FILES, files_of(tokenizer), strict=True):
        order.write(name, data)
        yield order.put(name, [data])
    order.write(TABLE_NAME, table.rows.tobytes())
    order.write(COUNTS_PART, everything.tobytes())
    order.write(MARKED_PART, str(corpus.marked).encode())
    yield order.put(TITLES_NAME, corpus.titles)
    yield Assembly(TEXT_NAME, tuple(corpus.spans))
    yield from chapters_of(table.rows)


def _tokenizer(order: Order, text: PartedText, documents: Documents, everything: np.ndarray) -> Tokenizer:
    if order.given is not None:
        return tokenizer_of(order.given)
    return new_tokenizer(order.settings, text, documents, everything)


class Joined:
    """The texts of all tasks, in order.

    Attributes:
        spans: Where they lie.
        rows: `LENGTHS` of them, an array a task; the digest of a text from several pieces is not there yet.
        titles: Their titles, bytes a task.
        counter: The characters between pieces.
        marked: Lines with a mark of a text's beginning or end.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.rows: list[np.ndarray] = []
        self.titles: list[bytes] = []
        self.counter = CharacterCounter()
        self.marked = 0
        self._size = 0
        self._undigested: list[tuple[int, int, int]] = []  # number of its array, first byte, end
        self._file, self._number = -1, 0
        self._open: _OpenText | None = None

    def add(self, found: Read) -> None:
        """Appends what a task found."""
        if found.key[0] != self._file:
            self.close()
            self._file, self._number = found.key[0], 0
        if found.kind == "plain":
            self._add_piece(found)
        else:
            texts = found.texts
            titles = titles_of(texts, found.stem, self._number)
            self._append(found)
            self._add_rows(*rows_of_texts(texts.sizes, texts.characters, titles, texts.digests))
        self._number += found.texts.passed
        self.marked += found.texts.marked

    def close(self) -> None:
        """Ends the text that is open."""
        open_text, self._open = self._open, None
        if open_text is None or not open_text.characters:
            return
        size = self._size - open_text.begin
        self._undigested.append((len(self.rows), open_text.begin, self._size))
        self._add_rows(*rows_of_texts([size], [open_text.characters], [open_text.title], [bytes(16)]))

    def table(self, text: PartedText, order: Order) -> TextTable:
        """The texts with where each is divided."""
        shares = order.settings.shares
        if sum(map(len, self.rows)) >= WHOLE_TEXTS_FROM:  # below, no digest decides
            for number, begin, end in self._undigested:
                digest = shares.digest_of(bytes_between(text, begin, end))
                self.rows[number]["digest"] = np.frombuffer(digest, "V16")
        lengths = np.concatenate([np.zeros(0, LENGTHS), *self.rows])
        cuts = hold_out(lengths["characters"].copy(), lengths["digest"].copy(), shares)
        return TextTable(begun_table(lengths, cuts), np.frombuffer(b"".join(self.titles), np.uint8))

    def _add_piece(self, found: Read) -> None:
        texts = found.texts
        if self._open is None:
            self._open = _OpenText(self._size, found.stem)
        state = self._open
        between = (
            "" if found.continues else joint(found.size, texts, state.characters, state.blank, found.east_asian)
        )
        if between:
            self.counter.add(between)
            self.spans.append(literal(between.encode()))
            self._size += len(between)
        state.blank = texts.blank_after or (state.blank and not found.size)
        state.characters += len(between) + texts.characters[0]
        self._append(found)

    def _append(self, found: Read) -> None:
        if found.size:
            self.spans.append(Span(found.part, 0, found.size))
            self._size += found.size

    def _add_rows(self, rows: np.ndarray, titles: bytes) -> None:
        if len(rows):
            self.rows.append(rows)
            self.titles.append(titles)


class _OpenText:
    def __init__(self, begin: int, title: str):
        self.begin, self.title, self.characters, self.blank = begin, title, 0, False


def add_up(counts: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Occurrences of code points, several together."""
    counter = CharacterCounter()
    for code_points, occurrences in counts:
        counter.add_occurrences(code_points, occurrences)
    return counter.occurrences()
