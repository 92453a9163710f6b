"""Reads .csv and .tsv files, as RFC 4180, spreadsheets and scripts write them."""

import csv
import dataclasses
import io
import re
from collections.abc import Sequence

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LONGEST_CELL = 1 << 30
_LONGEST_NAME = 80  # of a column; what is longer is a text
# First cells that name a column, where there is only one and nothing else tells a name from a text.
_NAMES = re.compile(
    "(?i:(texts?|tweets?|contents?|body|sentences?|messages?|comments?|reviews?|quotes?|jokes?|captions?|lyrics|poems?|"
    "posts?|titles?|headlines?|prompts?|story|stories|articles?|names?|documents?|paragraphs?|lines?))|"
    "文本|[内內]容|正文|句子|[诗詩]句?|[标標][题題]|微博|[评評][论論]"
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


class NotATable(ValueError):
    """A file is no table that can be read; the message says why, in a few words."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: Names of the columns, from the first row; none where the one column has no name.
        rows: Line in the file (from 1) at which each row ends, and its cells.
        delimiter: What stands between cells.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str

    def column(self, names: Sequence[str]) -> int:
        """Place of the first column of one of these names, or of the only column there is.

        Raises:
            NotATable: There are several columns, none of such a name.
        """
        folded = [column.casefold() for column in self.columns]
        for name in names:
            if name.casefold() in folded:
                return folded.index(name.casefold())
        if len(self.columns) > 1:
            raise NotATable(f"it has columns {[column[:24] for column in self.columns[:6]]}")
        return 0

    def cell(self, row: Sequence[str], place: int) -> str:
        """A cell; of a table of one column all of the row, for its text may hold bare delimiters."""
        if len(self.columns) <= 1:
            return self.delimiter.join(row)
        return row[place] if place < len(row) else ""


def read_table(text: str, suffix: str) -> Table:
    """A table from the text of a .csv or .tsv file.

    Raises:
        NotATable: A quotation mark is never closed, or there is no row.
    """
    delimiter = DELIMITERS[suffix]
    rows = [row for row in _rows(text.removeprefix("\ufeff"), delimiter) if any(map(str.strip, row[1]))]
    if not rows:
        raise NotATable("it is empty")
    first = tuple(cell.strip() for cell in rows[0][1])
    if len(first) > 1:
        if max(map(len, first)) > _LONGEST_NAME:
            raise NotATable("its first row names no columns")
        return Table(first, tuple(rows[1:]), delimiter)
    if _is_header(first[0], [cells for _, cells in rows[1:]]):
        return Table(first, tuple(rows[1:]), delimiter)
    return Table((), tuple(rows), delimiter)


def _rows(text: str, delimiter: str) -> list[tuple[int, tuple[str, ...]]]:
    try:
        return _parsed(text, delimiter, strict=True)
    except csv.Error as error:
        if "unexpected end" in str(error) and delimiter == ",":
            raise NotATable("a quotation mark is opened and never closed") from None
    if delimiter == "\t":  # many programs quote nothing there
        return _parsed(text, delimiter, quoting=csv.QUOTE_NONE)
    return _parsed(text, delimiter)


def _parsed(text: str, delimiter: str, **options) -> list[tuple[int, tuple[str, ...]]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **options)
        return [(reader.line_num, tuple(row)) for row in reader]
    finally:
        csv.field_size_limit(before)


def _is_header(first: str, others: Sequence[Sequence[str]]) -> bool:
    """Whether the one cell of the first row names the column, rather than being its first text."""
    if _NAMES.fullmatch(first):
        return True
    alike = sum(bool(_IDENTIFIER.fullmatch(",".join(row).strip())) for row in others)
    return bool(_IDENTIFIER.fullmatch(first)) and 2 * alike < len(others)
