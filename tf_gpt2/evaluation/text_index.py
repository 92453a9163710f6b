"""An index of a text in which the longest copy of any passage is found at once: a suffix array, read through a map.

Texts lie one after the other in UTF-8 with a zero byte after each, so that no run goes over a border. The suffix
array (Manber and Myers 1993, "Suffix arrays: a new method for on-line string searches") holds the place of every
character, in the order of what begins there; a passage stands in it beside what it shares most with. It is made by
libdivsufsort (pydivsufsort) and kept on disk.

Sizes: M bytes of text, C characters, P positions of a passage.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterable

import numpy as np

from tf_gpt2.errors import UserError

TEXT_FILE, SUFFIXES_FILE = "text.bin", "suffixes.bin"
SEPARATOR = b"\0"
_WORD = 8  # bytes that are compared at once, as one number
# Words after which what still agrees, which is a copy, is compared one by one.
_WORDS = 8
# Bytes after which places that agree with a passage, and with each other, are not put in order any more: texts that
# repeat one character would take the square of their length.
_LONGEST_COMPARED = 1 << 14
_PLACES = 1 << 16  # that are looked at together
_STEP = 512  # bytes that are compared at first where runs are long
_PADDING = bytes(_WORD * _WORDS)
_LONGEST_TEXT = (1 << 31) - 1  # the suffix array is of int32


@dataclasses.dataclass(frozen=True)
class Matches:
    """For every position of a passage, the longest run from there that stands in the indexed texts.

    Attributes:
        lengths: Characters of the run, 0 where not even the first one is there: int64 [P].
        places: Byte in the index's text where such a run begins: int64 [P].
    """

    lengths: np.ndarray
    places: np.ndarray


class TextIndex:
    """Finds passages in texts.

    Args:
        text: uint8 [M], texts with a zero byte after each, and 64 more at the end.
        suffixes: int32 [C], the places of the characters, sorted by what begins there.
    """

    def __init__(self, text: np.ndarray, suffixes: np.ndarray):
        self._text, self._suffixes = np.asarray(text), np.asarray(suffixes)  # without memmap's cost a look
        self._bytes: memoryview = self._text.data
        self._words = _words(self._text)

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "TextIndex":
        """Opens what `build_index` wrote; both files stay on disk and are read where they are needed.

        Raises:
            ValueError: A file is cut short.
            OSError: One is missing.
        """
        folder = pathlib.Path(folder)
        text, suffixes = _mapped(folder / TEXT_FILE, np.uint8), _mapped(folder / SUFFIXES_FILE, np.dtype("<i4"))
        if len(text) < len(_PADDING) or text[-len(_PADDING) :].any():
            raise ValueError(f"{folder / TEXT_FILE} is cut short")
        return cls(text, suffixes)

    def __len__(self) -> int:
        """Characters of the texts."""
        return len(self._suffixes)

    @property
    def num_bytes(self) -> int:
        """Bytes of the texts, with the one after each."""
        return len(self._text) - len(_PADDING)

    def longest_matches(self, passage: str) -> Matches:
        """The longest run from every character of `passage` that stands in the texts.

        Runs of up to 16 KB are the longest there are. Of longer ones one is found and followed to its end, which
        may not be the longest of several.
        """
        data, starts = _as_bytes(passage)
        if not len(starts) or not len(self._suffixes):
            return Matches(np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64))
        words = _words(np.frombuffer(data, np.uint8))
        known = _KnownRuns(self, data)
        after = self._insertion_points(words, starts, known)
        best, places = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
        for neighbour in (after - 1, after):  # what a passage shares most with stands beside it
            found = self._suffixes[np.clip(neighbour, 0, len(self._suffixes) - 1)].astype(np.int64)
            lengths = self._shared(words, starts, found, known)
            better = lengths > best
            best[better], places[better] = lengths[better], found[better]
        self._follow(data, starts, best, places)
        ends = np.append(starts, len(data) - len(_PADDING))  # a run may end amid the bytes of a character
        lengths = np.searchsorted(ends, starts + best, "right") - 1 - np.arange(len(starts))
        return Matches(lengths, places)

    def occurs(self, run: bytes) -> bool:
        """Whether a run of whole characters stands in the texts."""
        low = self._bound(run, after=False)
        return low < len(self._suffixes) and self._beginning(low, len(run)) == run

    def first_place(self, run: bytes) -> int:
        """Byte where a run begins that stands in the texts: of several places that whose text comes first."""
        return int(self._suffixes[self._bound(run, after=False)])

    @property
    def suffixes(self) -> np.ndarray:
        """The places of the characters, sorted by what begins there: int32 [C]."""
        return self._suffixes

    def continuations(self, run: bytes, characters: int) -> set[bytes]:
        """What follows a run of whole characters in the texts: pieces of so many characters, each once.

        Pieces that a text is too short for are left out. Takes time with the places where the run stands, but not
        where one piece follows again and again.
        """
        begin, high = self._bound(run, after=False), self._bound(run, after=True)
        found: set[bytes] = set()
        while begin < high:
            end = min(high, begin + _PLACES)
            pieces = self._pieces(begin, end, len(run), characters)
            found.update(piece.rstrip(b"\xff") for piece in set(pieces.tolist()) if piece)
            # They are in order: what the last of them is, the next ones may be too.
            last = bytes(pieces[-1]).rstrip(b"\xff")
            begin = max(end, self._bound(run + last, after=True)) if last and end < high else end
        return found

    def _pieces(self, begin: int, end: int, skipped: int, characters: int) -> np.ndarray:
        """So many characters behind the first bytes of some suffixes: bytes [places].

        Empty where a text is too short; what is shorter than the longest has 0xFF after it.
        """
        places = self._suffixes[begin:end].astype(np.int64) + skipped
        at = np.minimum(places[:, None] + np.arange(4 * characters), len(self._text) - 1)
        pieces = self._text[at]  # [places, 4 * characters]: UTF-8 has four bytes a character at most
        counts = np.cumsum((pieces & 0xC0) != 0x80, axis=1)
        pieces = np.where(counts <= characters, pieces, 0xFF)
        whole = (pieces != 0).all(axis=1) & (counts[:, -1] >= characters)
        joined = np.ascontiguousarray(pieces).view(f"S{4 * characters}").ravel()
        return np.where(whole, joined, b"")

    def bytes_at(self, begin: int, end: int) -> bytes:
        """A piece of the indexed text."""
        return bytes(self._bytes[max(0, begin) : end])

    def _bound(self, run: bytes, after: bool) -> int:
        """How many suffixes stand before those that begin with `run`; `after` counts these too."""
        low, high = 0, len(self._suffixes)
        while low < high:
            middle = (low + high) // 2
            theirs = self._beginning(middle, len(run))
            if theirs < run or (after and theirs == run):
                low = middle + 1
            else:
                high = middle
        return low

    def _beginning(self, number: int, size: int) -> bytes:
        place = int(self._suffixes[number])
        return self.bytes_at(place, place + size)

    def _insertion_points(self, words, starts, known) -> np.ndarray:
        """Where the rest of the passage from each start would stand among the suffixes: int64 [P]."""
        low, high = np.zeros(len(starts), np.int64), np.full(len(starts), len(self._suffixes), np.int64)
        while (rows := np.flatnonzero(low < high)).size:
            middle = (low[rows] + high[rows]) // 2
            places = self._suffixes[middle].astype(np.int64)
            before, settled = self._stand_before(words, starts[rows], places, known)
            low[rows] = np.where(before, middle + 1, np.where(settled, middle, low[rows]))
            high[rows] = np.where(before, high[rows], middle)
        return low

    def _stand_before(self, words, starts, places, known) -> tuple[np.ndarray, np.ndarray]:
        """Whether the text from each place comes before the passage from each start, or agrees for very long.

        Both are bool [rows].
        """
        before, settled = np.zeros(len(starts), bool), np.zeros(len(starts), bool)
        tied = np.arange(len(starts))
        for word in range(_WORDS):
            theirs = self._words[places[tied] + word * _WORD]
            mine = words[starts[tied] + word * _WORD]
            before[tied] = theirs < mine
            tied = tied[theirs == mine]
            if not tied.size:
                return before, settled
        for row in tied.tolist():
            start, place = int(starts[row]), int(places[row])
            shared = known.shared(start, place)
            settled[row] = shared >= _LONGEST_COMPARED
            before[row] = not settled[row] and (
                self.bytes_at(place + shared, place + shared + 1) < known.data[start + shared : start + shared + 1]
            )
        return before, settled

    def _shared(self, words, starts, places, known) -> np.ndarray:
        """Bytes that the passage from each start and the text from each place have in common: int64 [P].

        Above `_LONGEST_COMPARED` there may be more.
        """
        shared = np.zeros(len(starts), np.int64)
        tied = np.arange(len(starts))
        for word in range(_WORDS):
            differ = self._words[places[tied] + word * _WORD] ^ words[starts[tied] + word * _WORD]
            # NumPy computes in the machine's order of bytes; of no use where nothing differs.
            leading = (differ.astype(">u8").reshape(-1, 1).view(np.uint8) != 0).argmax(axis=1)
            shared[tied] += np.where(differ == 0, _WORD, leading)
            tied = tied[differ == 0]
            if not tied.size:
                return shared
        for row in tied.tolist():
            shared[row] = known.shared(int(starts[row]), int(places[row]))
        return shared

    def _follow(self, data, starts, shared, places) -> None:
        """Follows runs longer than what is compared to their ends, in place; no byte is looked at twice."""
        end = before = -1
        for row in np.flatnonzero(shared >= _LONGEST_COMPARED).tolist():
            start = int(starts[row])
            if end < start + _LONGEST_COMPARED:  # else the run before goes on long enough
                before = int(places[row]) - start
                end = start + self.extend(data, start, int(places[row]), int(shared[row]), len(data))
            shared[row], places[row] = end - start, before + start

    def extend(self, data: bytes, start: int, place: int, shared: int, most: int) -> int:
        """Bytes that a padded passage from `start` and the text from `place` have in common, up to `most`.

        `shared` of them are known to agree.
        """
        length, step = min(len(data) - len(_PADDING) - start, most), _STEP
        while shared < length:
            mine = data[start + shared : min(start + length, start + shared + step)]
            theirs = self.bytes_at(place + shared, place + shared + len(mine))
            if mine != theirs:
                return shared + _common(mine, theirs)
            shared, step = shared + len(mine), 4 * step
        return min(shared, length)


class _KnownRuns:
    """How far a passage and the text agree, remembered along each run: its positions ask one after the other."""

    def __init__(self, index: TextIndex, data: bytes):
        self.data = data
        self._index = index
        self._known: dict[
            int, tuple[int, int, bool]
        ] = {}  # by place - start: begin, end, whether there may be more

    def shared(self, start: int, place: int) -> int:
        """Bytes in common from there, of which the first `len(_PADDING)` are known to agree."""
        begin, end, more = self._known.get(place - start, (0, 0, False))
        if not begin <= start < end:
            begin, end, more = start, start + len(_PADDING), True
        if more and end - start < _LONGEST_COMPARED:
            most = 2 * _LONGEST_COMPARED
            end = start + self._index.extend(self.data, start, place, end - start, most)
            more = end - start >= most
        self._known[place - start] = begin, end, more
        return end - start


def build_index(folder: str | os.PathLike, texts: Iterable[str]) -> None:
    """Writes the files of an index into an existing folder.

    Memory: nine bytes a byte of text for a moment.

    Raises:
        UserError: The texts are longer than 2 GB.
        OSError: The disk is full, say.
    """
    import pydivsufsort

    folder = pathlib.Path(folder)
    with (folder / TEXT_FILE).open("wb") as out:
        for text in texts:
            out.write(text.encode("utf-8", "replace").replace(SEPARATOR, b"") + SEPARATOR)
    data = np.fromfile(folder / TEXT_FILE, np.uint8)
    if len(data) > _LONGEST_TEXT:
        raise UserError(f"`corpus` must have at most 2 GB to be searched for copies; received {len(data):,} bytes")
    suffixes = pydivsufsort.divsufsort(data) if len(data) else np.zeros(0, np.int32)
    first = data[suffixes]
    # Only characters begin a run: no continuation bytes of UTF-8, no separators.
    suffixes[((first & 0xC0) != 0x80) & (first != 0)].astype("<i4").tofile(folder / SUFFIXES_FILE)
    with (folder / TEXT_FILE).open("ab") as out:
        out.write(_PADDING)


def _mapped(path: pathlib.Path, dtype) -> np.ndarray:
    return np.memmap(path, dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)


def _as_bytes(passage: str) -> tuple[bytes, np.ndarray]:
    """The passage in UTF-8 with zeros after it, as in the indexed text, and where its characters begin."""
    data = passage.encode("utf-8", "replace").replace(SEPARATOR, b"\x01")
    array = np.frombuffer(data, np.uint8)
    return data + _PADDING, np.flatnonzero((array & 0xC0) != 0x80)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two beginnings have in common: as numbers, since a loop over bytes took most of a look-up."""
    size = min(len(one), len(other))
    differ = int.from_bytes(one[:size], "big") ^ int.from_bytes(other[:size], "big")
    return size - (differ.bit_length() + 7) // 8


def _words(data: np.ndarray) -> np.ndarray:
    """The eight bytes from every byte of [M] as a number that compares like them: a view, uint64 [M - 7]."""
    return np.ndarray(max(0, len(data) - _WORD + 1), ">u8", data, strides=(1,))
