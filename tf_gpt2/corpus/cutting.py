"""Where a large file may be cut into blocks that are read one by one, none depending on another.

A block ends after a line feed, for no encoding that is read so has one inside a character; where a file parts its
texts by a separator, it ends after one. A line of many megabytes is cut between two letters or marks, which
cleaning leaves side by side.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tf_gpt2.corpus.separators import MARKERS
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, read_range

BLOCK = 8 << 20  # bytes
LONGEST_LINE = 16 << 20  # of a text; a longer one is cut
LONGEST_RECORD = 256 << 20
_WINDOW = 1 << 20
# Python's codecs of these keep a state from line to line.
STATEFUL = re.compile("iso2022|iso-2022|hz|utf.?7")
_SEEN = 1 << 16  # bytes of a long line in which a place is looked for
_LETTER = "[!-~\u3001\u3002\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]"
_INSIDE = re.compile(f"(?<={_LETTER})(?={_LETTER})")


class Block(NamedTuple):
    """A range of bytes of a file; `continues` where it begins inside a line, `unfinished` where it ends in one."""

    begin: int
    end: int
    continues: bool = False
    unfinished: bool = False


def text_blocks(
    path: AnyPath, source: str, codec: str, begin: int, end: int, continues: bool = False
) -> Iterator[Block]:
    """The blocks of a plain text from `begin` to `end` of a file; `continues` where that begins inside a line.

    Raises:
        UserError: A line is longer than `LONGEST_LINE` and its characters cannot be told in the middle of it.
        OSError: The file cannot be read.
    """
    while begin < end:
        cut = _after(path, begin + BLOCK, min(end, begin + BLOCK + LONGEST_LINE), [_line_feed(codec)], codec)
        inside = cut is None and begin + BLOCK + LONGEST_LINE < end
        if inside:
            cut = _between_letters(path, source, codec, begin + BLOCK)
        stop = end if cut is None else cut
        yield Block(begin, stop, continues, inside)
        begin, continues = stop, inside


def record_blocks(
    path: AnyPath, source: str, codec: str, begin: int, end: int, separator: str | None
) -> Iterator[Block]:
    """The blocks of a file of records: whole lines, or whole texts between lines that are a separator.

    Raises:
        UserError: A record is longer than `LONGEST_RECORD`.
        OSError: The file cannot be read.
    """
    while begin < end:
        stop = _end_of_record(path, codec, begin + BLOCK, min(end, begin + LONGEST_RECORD), separator)
        if stop is None and begin + LONGEST_RECORD < end:
            what = "A line of a file of records" if separator is None else "A text between two separators"
            raise UserError(
                f"{what} must have at most {LONGEST_RECORD >> 20} MB in a large file: {source} has a longer one "
                f"from offset {begin} on. Part it, or pass it as a plain .txt file without `separator`."
            )
        yield Block(begin, stop or end)
        begin = stop or end


def _end_of_record(path, codec, begin, end, separator):
    if separator is None:
        return _after(path, begin, end, [_line_feed(codec)], codec)
    if separator.strip() in MARKERS:
        return _after(path, begin, end, [mark.encode(codec) for mark in MARKERS], codec)
    line = f"[^\\S\n]*{re.escape(separator.strip())}[^\\S\n]*"
    while (stop := _after(path, begin, end, [separator.strip().encode(codec)], codec)) is not None:
        after = _after(path, stop, end, [_line_feed(codec)], codec)
        around = read_range(path, max(0, stop - _WINDOW), after or end).decode(codec, "ignore")
        if re.fullmatch(line, around.removesuffix("\n").rpartition("\n")[2]):
            return after
        begin = stop
    return None


def _line_feed(codec: str) -> bytes:
    return "\n".encode(codec)


def _unit(codec: str) -> int:
    """Bytes that characters are made of: a line feed counts only where one may begin."""
    return len(_line_feed(codec)) if codec.startswith(("utf-16", "utf-32")) else 1


def _after(path: AnyPath, begin: int, end: int, marks: list[bytes], codec: str) -> int | None:
    """Where the first of some marks ends that begins from `begin` on and ends before `end`; None without one."""
    unit, overlap = _unit(codec), max(map(len, marks)) - 1
    begin -= begin % unit
    while begin < end:
        window = read_range(path, begin, min(begin + _WINDOW + overlap, end))
        found = [place + len(mark) for mark in marks if (place := _aligned(window, mark, unit)) is not None]
        if found:
            return begin + min(found)
        begin += _WINDOW
    return None


def _aligned(window: bytes, mark: bytes, unit: int) -> int | None:
    place = window.find(mark)
    while place % unit and place >= 0:
        place = window.find(mark, place + 1)
    return None if place < 0 else place


def _between_letters(path: AnyPath, source: str, codec: str, begin: int) -> int:
    """A place from `begin` on between two letters, in an encoding whose characters show where they begin."""
    unit = _unit(codec)
    begin -= begin % unit
    window = read_range(path, begin, begin + _SEEN)
    if codec == "utf-8":
        skipped = len(window) - len(window.lstrip(bytes(range(0x80, 0xC0))))
    elif unit == 1 and len("é".encode(codec, "replace") + "漢".encode(codec, "replace")) > 2:
        skipped = len(window)
    else:
        skipped = 0
    place = _INSIDE.search(window[skipped:].decode(codec, "ignore"))
    if place is None:
        raise UserError(
            f"A line of a text must have at most {LONGEST_LINE >> 20} MB, or be in UTF-8 with letters in it: "
            f"{source} has a longer one at offset {begin}, in {codec}. Convert it with iconv or part the line."
        )
    before = window[skipped:].decode(codec, "ignore")[: place.start()]
    return begin + skipped + len(before.encode(codec))
