"""Files that hold many texts, a record each: .jsonl and .json, .csv and .tsv."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tf_gpt2.corpus.json_lines import NotJSON, describe, json_values
from tf_gpt2.corpus.tables import DELIMITERS, NotATable, read_table
from tf_gpt2.errors import UserError

RECORD_KINDS = (".jsonl", ".ndjson", ".json", *DELIMITERS)
TEXT_FIELD = "text"


class Record(NamedTuple):
    """One text of a file: where it stands in it ("line 3"), its number from 1, its title ("" for none), itself."""

    where: str
    number: int
    title: str
    text: str


class ForeignFile(UserError):
    """A file is sound but holds no texts: metadata of a program, say."""


def read_records(
    text: str, suffix: str, source: str, text_field: str | None = None, first_line: int = 1
) -> Iterator[Record]:
    """The texts of a file of records.

    Args:
        text: The decoded file.
        suffix: One of `RECORD_KINDS`.
        source: The file's name for messages.
        text_field: Field or column that holds the text; None for "text", a string itself, or the only column.
        first_line: Number of the text's first line in its file, where that has a value a line.

    Raises:
        ForeignFile: The first record holds no text.
        UserError: The file is damaged, or a later record holds no text.
    """
    if suffix in DELIMITERS:
        yield from _table_records(text, suffix, source, text_field)
        return
    try:
        for count, (where, number, value) in enumerate(json_values(text, suffix, first_line)):
            yield _json_record(value, where, number, source, text_field, first=not count and first_line == 1)
    except NotJSON as error:
        raise UserError(
            f"A JSON corpus must be valid JSON, a flat list of texts or one value a line: {source} {error}. "
            "Repair the file."
        ) from None


def _table_records(text: str, suffix: str, source: str, text_field: str | None) -> Iterator[Record]:
    try:
        table = read_table(text, suffix)
        named = [text_field] if text_field else [TEXT_FIELD]
        place = table.column(named)
        if text_field and table.columns and table.columns[place].casefold() != text_field.casefold():
            raise NotATable(f"it has the column {table.columns[place][:40]!r}")
    except NotATable as error:
        raise ForeignFile(
            f"A {suffix} corpus must have a column {(text_field or TEXT_FIELD)[:40]!r}, or one column alone: "
            f"{source} has not; {error}. Name the column with `text_field`."
        ) from None
    titles = [column.casefold() for column in table.columns]
    title_place = titles.index("title") if "title" in titles and titles.index("title") != place else None
    for number, (line, row) in enumerate(table.rows, start=1):
        content = table.cell(row, place)
        if content.strip():
            title = table.cell(row, title_place) if title_place is not None else ""
            yield Record(f"line {line}", number, title, content)


def _json_record(
    value: Any, where: str, number: int, source: str, text_field: str | None, *, first: bool
) -> Record:
    content = value.get(text_field or TEXT_FIELD) if isinstance(value, dict) else None if text_field else value
    if text_field and isinstance(content, list) and all(isinstance(line, str) for line in content):
        content = "\n".join(content)
    if not isinstance(content, str):
        has_field = isinstance(value, dict) and (text_field or TEXT_FIELD) in value
        raise (ForeignFile if first and not has_field else UserError)(
            f"Each record of a JSON corpus must be a string or an object with a {_quoted(text_field)} string: "
            f"{source} {where} is {describe(value)}. Name the field that holds the text with `text_field`."
        )
    title = value.get("title") if isinstance(value, dict) and text_field != "title" else None
    return Record(where, number, title if isinstance(title, str) else "", content)


def _quoted(text_field: str | None) -> str:
    return f'"{(text_field or TEXT_FIELD)[:40]}"'
