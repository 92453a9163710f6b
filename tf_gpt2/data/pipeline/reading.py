"""Reading on several machines: files and blocks to clean texts, each in a part of its own."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tf_gpt2.corpus.cutting import Block
from tf_gpt2.corpus.large_files import Layout, Measured, lay_out
from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.pipeline.order import Order
from tf_gpt2.data.reading_tasks import Files, Part, Rules, Texts, perform
from tf_gpt2.data.sources import Source, blocks_of, check_unchanged, kind_of, reading, tasks_of_small_files
from tf_gpt2.errors import UserError
from tf_gpt2.locations import Facts, located, read_range

_CHUNKS = "chunks"


class Chunk(NamedTuple):
    """Files to read: several small ones, read whole by `task`, or a large one of a kind as `kind_of` has them."""

    key: tuple[int, int]
    sources: tuple[Source, ...]
    kind: str
    task: Files | None


class Reading(NamedTuple):
    """A task and what it is of; `key` is where it stands in the corpus, by file and block."""

    key: tuple[int, int]
    sources: tuple[Source, ...]
    kind: str
    task: Files | Part


class Read(NamedTuple):
    """What a task found: its clean texts are `size` bytes in `part`, all else in `texts`."""

    key: tuple[int, int]
    kind: str
    stem: str
    continues: bool
    east_asian: bool
    part: str
    size: int
    texts: Texts


def chunks_of(sources: Sequence[Source], separator: str | None) -> Iterator[Chunk]:
    """The files of a corpus, in order.

    Raises:
        UserError: One is too large for its kind.
    """
    number = 0
    while number < len(sources):
        kind = kind_of(sources[number], separator)
        if kind != "whole":
            yield Chunk((number, 0), (sources[number],), kind, None)
            number += 1
        else:
            for following, task in tasks_of_small_files(sources, number, separator, carried=False):
                yield Chunk((number, 0), tuple(sources[number:following]), kind, task)
                number = following


class Stored(NamedTuple):
    """Where a `Chunk` lies in a file of the work: bytes `begin` to `end`."""

    key: tuple[int, int]
    begin: int
    end: int


def store(chunks: Iterable[Chunk], order: Order) -> list[Stored]:
    """Writes which files are read, for an engine takes no pipeline with millions of names in it."""
    stored, at = [], 0
    with order.writing(_CHUNKS) as file:
        for chunk in chunks:
            sources = [(str(source.path), *source.facts) for source in chunk.sources]
            line = json.dumps([chunk.key, sources, chunk.kind]).encode()
            file.write(line)
            stored.append(Stored(chunk.key, at, at + len(line)))
            at += len(line)
    return stored


def _loaded(stored: Stored, order: Order) -> Chunk:
    key, named, kind = json.loads(read_range(order.part(_CHUNKS), stored.begin, stored.end))
    sources = tuple(Source(located(path), Facts(size, modified)) for path, size, modified in named)
    paths = tuple(str(source.path) for source in sources)
    return Chunk(tuple(key), sources, kind, Files(paths, (None,) * len(paths)) if kind == "whole" else None)


def readings_of(stored: Stored, order: Order) -> Iterator[Reading]:
    """The tasks that read files; of a large one once its encoding is known.

    Raises:
        UserError: A file is not what it should be, or has changed.
    """
    chunk = _loaded(stored, order)
    if chunk.task is not None:
        yield Reading(chunk.key, chunk.sources, chunk.kind, chunk.task)
        return
    (source,), rules = chunk.sources, order.settings.rules
    path = str(source.path)
    with _unless_changed(chunk.sources), reading(source.path):
        layout = _laid_out(source, rules)
        blocks = blocks_of(source, chunk.kind, layout, rules.separator, layout.begin, False)
        for number, block in enumerate(blocks):
            yield Reading((chunk.key[0], number), chunk.sources, chunk.kind, Part(path, block, chunk.kind, layout))


def read(task: Reading, order: Order) -> Iterator[Read]:
    """Does a task and writes the texts.

    Raises:
        UserError: A file is not what it should be, or has changed.
    """
    with _unless_changed(task.sources):
        found = perform(task.task, order.settings.rules)
    assert isinstance(found, Texts)  # no task measures
    name = f"text-{task.key[0]:08}-{task.key[1]:08}"
    data, found.data = found.data, b""
    if data:
        order.write(name, data)
    if isinstance(task.task, Part):
        stem, continues, east_asian = (
            task.sources[0].path.stem,
            task.task.block.continues,
            task.task.layout.east_asian,
        )
    else:
        stem, continues, east_asian = "", False, False
    yield Read(task.key, task.kind, stem, continues, east_asian, name, len(data), found)


def occurrences(found: Read) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The characters of texts, and how often each occurs."""
    yield found.texts.code_points, found.texts.counts


def without_occurrences(found: Read) -> Iterator[Read]:
    """The rest of what a task found."""
    none = np.zeros(0, np.int64)
    # What Beam hands to a step is not the step's alone: changed in place, `occurrences` would find nothing.
    yield found._replace(texts=dataclasses.replace(found.texts, code_points=none, counts=none))


def _laid_out(source: Source, rules: Rules) -> Layout:
    def measure(codec: str, blocks: Iterable[Block]) -> Iterator[Measured]:
        for block in blocks:
            measured = perform(Part(str(source.path), block, "measure", Layout(codec, 0, 0)), rules)
            assert isinstance(measured, Measured)
            yield measured

    return lay_out(source.path, source.facts.size, shown(source.path), rules.encoding, rules.script, measure)


class _unless_changed:
    """A context that refuses files that changed meanwhile, whatever else was found wrong with them."""

    def __init__(self, sources: Sequence[Source]):
        self._sources = sources

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, UserError):
            for source in self._sources:
                check_unchanged(source)
