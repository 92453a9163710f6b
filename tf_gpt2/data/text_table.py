"""The texts of a prepared corpus as a table in a file, for there may be millions: read through a memory map."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_gpt2.corpus.report import BookReport
from tf_gpt2.data.holding_out import Cuts

TEXT_NAME = "text.bin"  # the clean texts, one after the other; no name that a corpus is looked for by
TITLES_NAME = "titles.bin"  # their titles, likewise
TABLE_NAME = "texts.bin"  # rows of TABLE
LENGTHS_NAME = "lengths.part"  # rows of LENGTHS, while a corpus is prepared
TABLE = np.dtype(
    [
        (name, "<i8")
        for name in (
            "begin", "bytes", "title_begin", "title_bytes", "train_end", "validation_end", "characters",
            "train_tokens", "validation_tokens", "test_tokens",
        )
    ]
)  # fmt: skip
LENGTHS = np.dtype([("bytes", "<i8"), ("characters", "<i8"), ("title", "<i8"), ("digest", "V16")])
_TOKENS = ("train_tokens", "validation_tokens", "test_tokens")
_ROWS = 1 << 14


class Document(NamedTuple):
    """A clean text in `TEXT_NAME`: where its bytes lie and how it is divided."""

    title: str
    cuts: Cuts
    byte_offset: int
    byte_length: int


@dataclasses.dataclass(frozen=True, eq=False)
class TextTable:
    """The rows of the texts, and the bytes of their titles.

    Attributes:
        rows: `TABLE` [texts].
        titles: uint8 [bytes].
    """

    rows: np.ndarray
    titles: np.ndarray

    @classmethod
    def open(cls, folder: Path, text_bytes: int) -> TextTable:
        """Maps the files of a folder whose texts have so many bytes.

        Raises:
            OSError: A file is missing.
            ValueError: The rows do not belong to texts and titles that lie one after the other.
        """
        size = (folder / TABLE_NAME).stat().st_size
        if not size or size % TABLE.itemsize:
            raise ValueError("the table of texts is damaged")
        rows = np.memmap(folder / TABLE_NAME, TABLE, mode="r")
        named = (folder / TITLES_NAME).stat().st_size
        titles = np.memmap(folder / TITLES_NAME, np.uint8, mode="r") if named else np.zeros(0, np.uint8)
        table = cls(rows, titles)
        table._check(text_bytes)
        return table

    def _check(self, size: int) -> None:
        text = title = 0
        for first in range(0, len(self.rows), _ROWS):
            rows = self.rows[first : first + _ROWS]
            numbers = rows.view("<i8").reshape(len(rows), -1)
            ordered = np.all(rows["train_end"] <= rows["validation_end"]) and np.all(
                rows["validation_end"] <= rows["characters"]
            )
            lie = _follow(rows["begin"], rows["bytes"], text) and _follow(
                rows["title_begin"], rows["title_bytes"], title
            )
            if not (ordered and lie and np.all(numbers >= 0)):
                raise ValueError("the table of texts is damaged: its texts do not follow one another")
            text = int(rows["begin"][-1] + rows["bytes"][-1])
            title = int(rows["title_begin"][-1] + rows["title_bytes"][-1])
        if (text, title) != (size, len(self.titles)):
            raise ValueError("the table of texts is damaged: its texts do not fill their file")

    def title(self, row: Any) -> str:
        """The title of a row."""
        begin = int(row["title_begin"])
        return self.titles[begin : begin + int(row["title_bytes"])].tobytes().decode("utf-8", "replace")

    def document(self, row: Any) -> Document:
        """A row as a document."""
        cuts = Cuts(int(row["train_end"]), int(row["validation_end"]), int(row["characters"]))
        return Document(self.title(row), cuts, int(row["begin"]), int(row["bytes"]))

    def report(self, row: Any) -> BookReport:
        """A row as an entry of the report."""
        return BookReport(self.title(row), int(row["characters"]), *(int(row[name]) for name in _TOKENS))


def _follow(begins: np.ndarray, sizes: np.ndarray, first: int) -> bool:
    """Whether ranges lie one after the other from `first` on."""
    return bool(begins[0] == first and np.array_equal(begins[1:], begins[:-1] + sizes[:-1]))


class _Rows(Sequence):
    """The rows of a table, each made into something when it is asked for."""

    def __init__(self, table: TextTable):
        self.table = table

    def _made(self, row: Any) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.table.rows)

    def __getitem__(self, at):
        if isinstance(at, slice):
            return [self._made(row) for row in self.table.rows[at]]
        return self._made(self.table.rows[at])

    def __iter__(self) -> Iterator[Any]:
        for first in range(0, len(self), _ROWS):
            yield from map(self._made, np.array(self.table.rows[first : first + _ROWS]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Rows):
            return NotImplemented
        return np.array_equal(self.table.rows, other.table.rows) and np.array_equal(
            self.table.titles, other.table.titles
        )

    __hash__ = None  # type: ignore[assignment]


class Documents(_Rows, Sequence[Document]):
    """The texts as `Document`s."""

    def _made(self, row: Any) -> Document:
        return self.table.document(row)


class BookReports(_Rows, Sequence[BookReport]):
    """The texts as entries of a report."""

    def _made(self, row: Any) -> BookReport:
        return self.table.report(row)


def begun_table(lengths: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Rows of `TABLE` [texts] but for the tokens, from `LENGTHS` [texts] and `Cuts`, int64 [texts, 3]."""
    rows = np.zeros(len(lengths), TABLE)
    for begin, size in (("begin", "bytes"), ("title_begin", "title_bytes")):
        rows[size] = lengths["bytes" if size == "bytes" else "title"]
        np.cumsum(rows[size][:-1], out=rows[begin][1:])
    rows["train_end"], rows["validation_end"], rows["characters"] = cuts.T
    return rows
