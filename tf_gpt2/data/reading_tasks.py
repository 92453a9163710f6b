"""The parts of reading a corpus that depend on nothing else, so that several processes do them: files, and blocks.

A task and its result travel between processes; `perform` is a function of the task alone.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tf_gpt2.corpus.cleaning import clean, clean_piece, visible
from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.corpus.cutting import Block
from tf_gpt2.corpus.large_files import Layout, Measured, lines_before, measure_block
from tf_gpt2.corpus.reading import changed, read_books, shown, title_line
from tf_gpt2.corpus.records import read_records
from tf_gpt2.corpus.script import convert_script, converted
from tf_gpt2.corpus.separators import count_marked_lines, split_texts
from tf_gpt2.data.holding_out import Shares
from tf_gpt2.errors import UserError
from tf_gpt2.locations import located, read_range


@dataclasses.dataclass(frozen=True)
class Rules:
    """How texts are read: encoding, script, separator and field as in `prepare_corpus`, and the shares' digest."""

    encoding: str | None
    script: str | None
    separator: str | None
    text_field: str | None
    shares: Shares


class Files(NamedTuple):
    """Files to be read whole: their paths and, where they are not on this machine, their bytes."""

    paths: tuple[str, ...]
    data: tuple[bytes | None, ...] = ()


class Part(NamedTuple):
    """A block of a large file, and its bytes where it is not on this machine.

    `kind` is "measure" (whether its codec decodes it), "plain" (a piece of the one text), "separated" or "records".
    """

    path: str
    block: Block
    kind: str
    layout: Layout
    data: bytes | None = None


@dataclasses.dataclass
class Texts:
    """Clean texts, one after the other.

    Attributes:
        data: UTF-8.
        sizes: Bytes of each text.
        characters: Characters of each.
        digests: `Shares.digest` of each; none for a piece of a text.
        titles: Title of each; "" for a name made of the file's and its number.
        numbers: Its number in the file or, in a block, from the block's beginning on.
        code_points: Distinct code points, int64 [n].
        counts: How often each occurs, int64 [n].
        marked: Lines with a mark of a text's beginning or end.
        passed: By how much the numbers of the next block are higher.
        blank_before: Of a piece: whether blank lines come before its words.
        blank_after: Whether they come after.
    """

    data: bytes
    sizes: list[int]
    characters: list[int]
    digests: list[bytes]
    titles: list[str]
    numbers: list[int]
    code_points: np.ndarray
    counts: np.ndarray
    marked: int = 0
    passed: int = 0
    blank_before: bool = False
    blank_after: bool = False


def perform(task: Files | Part, rules: Rules) -> Texts | Measured:
    """Does a task.

    Raises:
        UserError: A file is not what it should be.
    """
    if isinstance(task, Files):
        return _collected(_books(task, rules), rules)
    try:
        data = read_range(located(task.path), task.block.begin, task.block.end) if task.data is None else task.data
    except OSError as error:
        raise UserError(f"`corpus` file {shown(task.path)} cannot be read: {error.strerror}. Check it.") from None
    if len(data) != task.block.end - task.block.begin:
        raise UserError(changed(task.path))
    if task.kind == "measure":
        return measure_block(data, task.layout.codec)
    try:
        text = data.decode(task.layout.codec).removeprefix("\ufeff").rstrip("\0")
    except UnicodeDecodeError:  # which it did when it was looked through
        raise UserError(changed(task.path)) from None
    if task.kind == "plain":
        return _piece(text, task.layout, rules)
    if task.kind == "separated":
        parts = split_texts(text, rules.separator or "")
        found = _collected((("", number, part) for number, part in enumerate(parts, start=1)), rules)
        found.passed = max(found.numbers, default=0)
        return found
    found = _collected(_records(text, task, rules), rules)
    found.passed = text.count("\n")
    return found


def _books(task: Files, rules: Rules) -> Iterator[tuple[str, int, str]]:
    for path, data in zip(map(located, task.paths), task.data, strict=True):
        for book in read_books(path, rules.encoding, data, separator=rules.separator, text_field=rules.text_field):
            yield book.title, 0, book.text


def _records(text: str, task: Part, rules: Rules) -> Iterator[tuple[str, int, str]]:
    source, begin = shown(task.path), task.block.begin
    first = 1 if begin == task.layout.begin else 2  # a mistake in the first record is of another kind
    try:
        for record in read_records(text, ".jsonl", source, rules.text_field, first):
            yield title_line(record.title), record.number - first + 1, record.text
    except UserError:
        if begin > task.layout.begin:  # once more, to name the line
            list(
                read_records(text, ".jsonl", source, rules.text_field, 1 + lines_before(located(task.path), begin))
            )
        raise


def _collected(texts: Iterable[tuple[str, int, str]], rules: Rules) -> Texts:
    found = Texts(b"", [], [], [], [], [], np.zeros(0, np.int64), np.zeros(0, np.int64))
    counter, encoded = CharacterCounter(), []
    for title, number, raw in texts:
        found.marked += count_marked_lines(raw)
        text = convert_script(clean(raw), rules.script)
        if not text:
            continue
        counter.add(text)
        encoded.append(text.encode())
        found.sizes.append(len(encoded[-1]))
        found.characters.append(len(text))
        found.digests.append(rules.shares.digest(encoded[-1]))
        found.titles.append(title)
        found.numbers.append(number)
    found.data = b"".join(encoded)
    _count(found, counter)
    return found


def _piece(raw: str, layout: Layout, rules: Rules) -> Texts:
    piece = clean_piece(visible(raw), east_asian=layout.east_asian)
    text = piece.text if layout.in_script else converted(piece.text, rules.script)
    counter = CharacterCounter()
    counter.add(text)
    data = text.encode()
    found = Texts(data, [len(data)], [len(text)], [], [], [], np.zeros(0, np.int64), np.zeros(0, np.int64))
    found.marked = count_marked_lines(raw)
    found.blank_before, found.blank_after = piece.blank_before, piece.blank_after
    _count(found, counter)
    return found


def _count(found: Texts, counter: CharacterCounter) -> None:
    found.code_points, found.counts = counter.occurrences()
