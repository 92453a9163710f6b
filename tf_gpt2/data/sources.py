"""The files of a corpus as they are read: which whole, which in blocks, and whether they stay as they were."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tf_gpt2.corpus.cutting import Block, record_blocks, text_blocks
from tf_gpt2.corpus.json_lines import NotJSON, parse_json
from tf_gpt2.corpus.large_files import LARGE, Layout
from tf_gpt2.corpus.reading import changed, shown
from tf_gpt2.data.reading_tasks import Files, Part
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, Facts, RemotePath, facts, read_range

# More than so much of a file that has to be read whole would take tens of gigabytes of memory.
LARGEST_WHOLE = 1 << 30
_TOGETHER = 8 << 20  # bytes of small files in a task
_FILES_TOGETHER = 1000
_HEAD = 1 << 20


class Source(NamedTuple):
    """A file of a corpus, and what it was when its checksum was taken."""

    path: AnyPath
    facts: Facts


def kind_of(source: Source, separator: str | None) -> str:
    """How a file is read: "whole", or in blocks as a "plain" text, as "separated" texts, as "records".

    Raises:
        UserError: It is too large to be read whole, as it would have to be.
    """
    suffix = source.path.suffix.lower()
    if source.facts.size < LARGE:
        return "whole"
    if suffix in (".txt", ".md"):
        return "separated" if separator else "plain"
    if suffix in (".jsonl", ".ndjson") or (suffix == ".json" and _has_a_value_a_line(source)):
        return "records"
    if source.facts.size > LARGEST_WHOLE:
        raise UserError(
            f"A {suffix} file is read whole and must have at most {LARGEST_WHOLE >> 30} GB: "
            f"{shown(source.path)} has {source.facts.size / 1e9:.1f}. Convert it to .jsonl, or part it."
        )
    return "whole"


def _has_a_value_a_line(source: Source) -> bool:
    line, feed, _ = read_range(source.path, 0, _HEAD).partition(b"\n")
    try:
        return bool(feed) and not isinstance(parse_json(line.decode()), list)
    except (NotJSON, UnicodeDecodeError):
        return False


def tasks_of_small_files(
    sources: Sequence[Source], first: int, separator: str | None, *, carried: bool = True
) -> Iterator[tuple[int, Files]]:
    """Tasks that read files from `first` on, up to one read in blocks; each with the number that follows.

    They carry the bytes of files at addresses with them, unless, without `carried`, whoever does them reads these.
    """
    number = first
    while number < len(sources) and kind_of(sources[number], separator) == "whole":
        some: list[AnyPath] = []
        size = 0
        for source in itertools.islice(sources, number, number + _FILES_TOGETHER):
            if kind_of(source, separator) != "whole" or (some and size + source.facts.size > _TOGETHER):
                break
            some.append(source.path)
            size += source.facts.size
        number += len(some)
        yield number, Files(tuple(map(str, some)), _bytes_of_remote(some) if carried else (None,) * len(some))


def _bytes_of_remote(paths: list[AnyPath]) -> tuple[bytes | None, ...]:
    return tuple(read_range(path, 0, facts(path).size) if isinstance(path, RemotePath) else None for path in paths)


def blocks_of(
    source: Source, kind: str, layout: Layout, separator: str | None, begin: int, continues: bool
) -> Iterator[Block]:
    """The blocks of a large file from a byte on; `continues` where that is inside a line."""
    name = shown(source.path)
    if kind == "plain":
        return text_blocks(source.path, name, layout.codec, begin, layout.end, continues)
    return record_blocks(
        source.path, name, layout.codec, begin, layout.end, separator if kind == "separated" else None
    )


def part_of(path: AnyPath, block: Block, kind: str, layout: Layout) -> Part:
    """The task that reads a block."""
    data = read_range(path, block.begin, block.end) if isinstance(path, RemotePath) else None
    return Part(str(path), block, kind, layout, data)


def check_unchanged(source: Source) -> None:
    """Refuses a file that is not what it was.

    Raises:
        UserError: It has changed, or has vanished.
    """
    with reading(source.path):
        now = facts(source.path)
    if now != source.facts:
        raise UserError(changed(source.path))


@contextlib.contextmanager
def reading(path: AnyPath) -> Iterator[None]:
    """Turns what goes wrong with a file in the block into one clear line.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"`corpus` file {shown(path)} cannot be read: {reason}. Check it and its permissions."
        ) from error
