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
# Marks of ASCII and Chinese, and letters and digits of any script, which combining marks are not; but none that
# makes one character with its neighbour: Korean letters that join, half-width kana.
_LETTER = r"(?:[!-~\u3001\u3002\uff01-\uff5e]|[^\W_\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\uff61-\uff9f])"
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
    return _after_line(path, begin, end, separator.strip(), codec)


def _after_line(path: AnyPath, begin: int, end: int, line: str, codec: str) -> int | None:
    """As `_after`, of a line with nothing but blanks around it; nothing is read or decoded twice.

    Blanks of a megabyte are too many: a block may always end later.
    """
    try:
        mark = line.encode(codec)
    except UnicodeEncodeError:  # no line of this file has these characters
        return None
    unit, feed = _unit(codec), _line_feed(codec)
    begin -= begin % unit
    kept = read_range(path, max(0, begin - _WINDOW), begin)
    last = _last_place(kept, feed, unit)
    other = last < 0 and begin > _WINDOW  # whether the line that is open is known to be another one
    kept = kept[last + len(feed) :] if last >= 0 else kept
    at, first = begin, len(kept)  # the next byte to read, and where in the data a mark may begin
    while at < end and (window := read_range(path, at, min(at + _WINDOW, end))):
        data, at = kept + window, at + len(window)
        if other:
            first = _place(data, feed, unit) + len(feed)
            if first < len(feed):
                kept, first = b"", 0
                continue
        last = _last_place(data, feed, unit)
        closed = last + len(feed) if last >= 0 else 0  # where the last whole line ends
        while 0 <= (place := _place(data, mark, unit, first)) < closed:
            before, after = _last_place(data, feed, unit, place), _place(data, feed, unit, place + len(mark))
            if data[before + len(feed) if before >= 0 else 0 : after].decode(codec, "ignore").strip() == line:
                return at - len(data) + after + len(feed)
            first = after + len(feed)
        data, first = data[closed:], max(0, first - closed)
        other = len(data) > _WINDOW or not line.startswith(data.decode(codec, "ignore").strip())
        kept, first = (b"", 0) if other else (data, first)
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
        found = [place + len(mark) for mark in marks if (place := _place(window, mark, unit)) >= 0]
        if found:
            return begin + min(found)
        begin += _WINDOW
    return None


def _place(data: bytes, mark: bytes, unit: int, first: int = 0) -> int:
    """Where a mark is found first from `first` on, where a character may begin; -1 without one."""
    place = data.find(mark, first)
    while place % unit and place >= 0:
        place = data.find(mark, place + 1)
    return place


def _last_place(data: bytes, mark: bytes, unit: int, end: int | None = None) -> int:
    """Where a mark is found last that ends before `end`, where a character may begin; -1 without one."""
    place = data.rfind(mark, 0, end)
    while place % unit and place >= 0:
        place = data.rfind(mark, 0, place + len(mark) - 1)
    return place


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
