"""Reads the files of a corpus into the folder in which it is prepared: clean texts, how long each is, titles.

Small files are read whole, large ones of plain text and of records in blocks, so that memory holds some blocks at a
time. What is written does not depend on that: it is what reading each file whole would give.
"""

import contextlib
import dataclasses
import itertools
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tf_gpt2.corpus import cutting
from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.corpus.cutting import Block
from tf_gpt2.corpus.large_files import Layout, Measured, lay_out
from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.joining import empty, joint, rows_of_texts, titles_of
from tf_gpt2.data.journal import Journal, Pace
from tf_gpt2.data.reading_tasks import Part, Rules, Texts
from tf_gpt2.data.reading_workers import Workers, worthwhile_workers
from tf_gpt2.data.sources import (
    Source,
    blocks_of,
    check_unchanged,
    kind_of,
    part_of,
    reading,
    tasks_of_small_files,
)
from tf_gpt2.data.spool import bytes_between
from tf_gpt2.data.text_table import LENGTHS_NAME, TEXT_NAME, TITLES_NAME
from tf_gpt2.errors import UserError

_FILES = (TEXT_NAME, LENGTHS_NAME, TITLES_NAME)
SECTION = "read"  # of the journal
_NAMED = 100  # files that are named one by one
_log = logging.getLogger(__name__)


@dataclasses.dataclass
class _State:
    """Where reading stands.

    Attributes:
        file: The file that is read.
        offset: Its next byte, where it is read in blocks.
        continues: Whether that is inside a line.
        number: Lines or texts of it so far.
        layout: How it is read; None at its beginning.
        begin: First byte of its one text in the folder.
        characters: Characters of that text so far.
        blank: Whether blank lines followed them.
        texts: Texts so far.
        marked: Lines with a mark of a text's beginning or end.
    """

    file: int = 0
    offset: int = 0
    continues: bool = False
    number: int = 0
    layout: Layout | None = None
    begin: int = 0
    characters: int = 0
    blank: bool = False
    texts: int = 0
    marked: int = 0


class Spooling:
    """Reads files into a folder, or goes on with that.

    Attributes:
        counter: The characters of all texts.
        marked: Lines that hold a mark of a text's beginning or end.
    """

    def __init__(self, folder: Path, sources: list[Source], rules: Rules, journal: Journal):
        self._folder, self._sources, self._rules, self._journal = folder, sources, rules, journal
        self._before = [0, *itertools.accumulate(source.facts.size for source in sources)]
        self.counter = CharacterCounter()
        self._state = _State()
        self._sizes = dict.fromkeys(_FILES, 0)

    @property
    def marked(self) -> int:
        """Lines that hold a mark of a text's beginning or end."""
        return self._state.marked

    def run(self) -> bool:
        """Reads what is left; returns whether there was anything.

        Raises:
            UserError: A file is not what it should be, has changed, or all are empty.
            OSError: The folder cannot be written.
        """
        if (stored := self._journal.sections.get(SECTION)) is not None:
            self._resume(stored)
        if self._state.file == len(self._sources):
            return False
        at = self._before[self._state.file] + self._state.offset
        self._pace = Pace("read", self._before[-1], at)
        with contextlib.ExitStack() as stack:
            self._out = {name: stack.enter_context((self._folder / name).open("ab")) for name in _FILES}
            workers = Workers(worthwhile_workers(self._before[-1] - at), self._rules)
            stack.callback(workers.close)
            while self._state.file < len(self._sources):
                source = self._sources[self._state.file]
                kind = kind_of(source, self._rules.separator)
                if kind == "whole":
                    self._read_small(workers)
                else:
                    try:
                        with reading(source.path):
                            self._read_large(workers, source, kind)
                    except UserError:
                        check_unchanged(source)  # what is wrong may be that somebody writes it
                        raise
        if not self._state.texts:
            raise UserError(empty(self._sources))
        return True

    def _read_small(self, workers: Workers) -> None:
        """Reads files up to the next large one."""
        tasks = tasks_of_small_files(self._sources, self._state.file, self._rules.separator)
        for following, found in workers.map(tasks):
            for number in range(self._state.file, following):
                self._say(number)
                check_unchanged(self._sources[number])
            self._append(found, "")
            before, self._state.file = self._state.file, following
            self._commit(self._before[following] - self._before[before])

    def _read_large(self, workers: Workers, source: Source, kind: str) -> None:
        state = self._state
        if state.layout is None:
            self._say(state.file)
            state.layout = self._lay_out(workers, source)
            state.offset, state.begin = state.layout.begin, self._sizes[TEXT_NAME]
            self._pace = Pace("read", self._before[-1], self._before[state.file])
        layout = state.layout
        blocks = blocks_of(source, kind, layout, self._rules.separator, state.offset, state.continues)
        for block, found in workers.map((block, part_of(source.path, block, kind, layout)) for block in blocks):
            if kind == "plain":
                self._append_piece(found, block, layout)
            else:
                self._append(found, source.path.stem)
            state.number += found.passed
            state.offset, state.continues = block.end, block.unfinished
            self._commit(block.end - block.begin)
        if kind == "plain" and state.characters:
            self._end_text(source.path.stem)
        check_unchanged(source)
        self._state = _State(file=state.file + 1, texts=state.texts, marked=state.marked)

    def _lay_out(self, workers: Workers, source: Source) -> Layout:
        def measure(codec: str, blocks: Iterable[Block]) -> Iterator[Measured]:
            layout = Layout(codec, 0, 0)
            parts: Iterator[tuple[None, Part]] = (
                (None, part_of(source.path, block, "measure", layout)) for block in blocks
            )
            pace, passed = Pace("looked through", source.facts.size), 0
            for _, found in workers.map(parts):
                passed += cutting.BLOCK
                pace.at(passed)
                yield found

        return lay_out(
            source.path,
            source.facts.size,
            shown(source.path),
            self._rules.encoding,
            self._rules.script,
            measure,
        )

    def _append(self, found: Texts, stem: str) -> None:
        """Writes whole texts; those without a title are named after their file."""
        titles = titles_of(found, stem, self._state.number)
        self._write(TEXT_NAME, found.data)
        self._count(found)
        self._rows(found.sizes, found.characters, titles, found.digests)

    def _append_piece(self, found: Texts, block: Block, layout: Layout) -> None:
        """Writes a piece of the open text, and before it what stands between it and the piece before."""
        state = self._state
        between = (
            ""
            if block.continues
            else joint(len(found.data), found, state.characters, state.blank, layout.east_asian)
        )
        state.blank = found.blank_after or (state.blank and not found.data)
        self.counter.add(between)
        self._write(TEXT_NAME, between.encode() + found.data)
        state.characters += len(between) + found.characters[0]
        self._count(found)

    def _end_text(self, title: str) -> None:
        begin, end = self._state.begin, self._sizes[TEXT_NAME]
        self._out[TEXT_NAME].flush()
        # Whole texts alone are held out by their digest, and no corpus of a hundred has all of its words in one.
        digest = self._rules.shares.digest_of(bytes_between(self._folder / TEXT_NAME, begin, end))
        self._rows([end - begin], [self._state.characters], [title], [digest])

    def _rows(self, sizes: list[int], characters: list[int], titles: list[str], digests: list[bytes]) -> None:
        rows, named = rows_of_texts(sizes, characters, titles, digests)
        self._write(LENGTHS_NAME, rows.tobytes())
        self._write(TITLES_NAME, named)
        self._state.texts += len(sizes)

    def _count(self, found: Texts) -> None:
        self.counter.add_occurrences(found.code_points, found.counts)
        self._state.marked += found.marked

    def _write(self, name: str, data: bytes) -> None:
        self._out[name].write(data)
        self._sizes[name] += len(data)

    def _commit(self, done: int) -> None:
        self._pace.at(self._before[self._state.file] + self._state.offset)
        if self._journal.is_due(done):
            for file in self._out.values():
                file.flush()
            self.note()

    def note(self) -> None:
        """Writes into the journal where reading stands; what was written is with the system.

        Raises:
            OSError: It cannot be written.
        """
        points, counts = self.counter.occurrences()
        state = {
            "at": dataclasses.asdict(self._state),
            "sizes": self._sizes,
            "code_points": points.tolist(),
            "counts": counts.tolist(),
        }
        self._journal.write(SECTION, state, self._sizes)

    def _resume(self, stored: dict[str, Any]) -> None:
        state = dict(stored["at"])
        layout = state.pop("layout")
        self._state = _State(**state, layout=None if layout is None else Layout(**layout))
        self._sizes = dict(stored["sizes"])
        self.counter.add_occurrences(
            np.array(stored["code_points"], np.int64), np.array(stored["counts"], np.int64)
        )

    def _say(self, number: int) -> None:
        if len(self._sources) <= _NAMED:
            _log.info(
                "reading %s (%d of %d)", shown(self._sources[number].path.name), number + 1, len(self._sources)
            )
