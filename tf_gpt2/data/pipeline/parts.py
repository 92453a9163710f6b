"""Files that are one file together: ranges of parts that other steps wrote, and what stands between them."""

import bisect
import functools
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Literal, NamedTuple

from tf_gpt2.data.pipeline.order import Order
from tf_gpt2.locations import read_range

_SPANS = "spans.json"
_PIECE = 4 << 20
_BUFFER = 1 << 20


class Span(NamedTuple):
    """Bytes begin to end of a part; where it has no name, of `between` itself."""

    part: str
    begin: int
    end: int
    between: bytes = b""

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.begin

    def read(self, order: Order, begin: int, end: int) -> bytes:
        """Some of its bytes, counted from its beginning.

        Raises:
            OSError: They are not there.
        """
        begin, end = self.begin + begin, self.begin + end
        if not self.part:
            return self.between[begin:end]
        data = read_range(order.part(self.part), begin, end)
        if len(data) != end - begin:
            raise OSError(f"{order.part(self.part)} has become shorter")
        return data


def literal(data: bytes) -> Span:
    """Bytes that no part has."""
    return Span("", 0, len(data), data)


def pieces_of(order: Order, spans: Iterable[Span]) -> Iterator[bytes]:
    """The bytes of spans, some megabytes at a time."""
    for span in spans:
        for begin in range(0, span.size, _PIECE):
            yield span.read(order, begin, min(begin + _PIECE, span.size))


def cut_to(spans: Iterable[Span], size: int) -> Iterator[list[Span]]:
    """Spans in groups of so many bytes, the last one of fewer; one group at least."""
    group: list[Span] = []
    free = size
    some = False
    for span in spans:
        while span.size:
            taken = span._replace(end=min(span.end, span.begin + free))
            group.append(taken)
            free -= taken.size
            span = span._replace(begin=taken.end)
            if not free:
                yield group
                some, group, free = True, [], size
    if group or not some:
        yield group


class PartedText:
    """The spool of a corpus whose texts lie in parts; opened as a path is."""

    def __init__(self, order: Order, spans: Sequence[Span]):
        self._order, self._spans = order, spans
        self._ends = list(itertools.accumulate(span.size for span in spans))

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Opens it for reading."""
        return io.BufferedReader(_Reader(self._order, self._spans, self._ends), _BUFFER)  # type: ignore[return-value]

    def save(self) -> None:
        """Leaves for other steps where the texts lie."""
        spans = [(*span[:3], span.between.decode("latin-1")) for span in self._spans]
        self._order.write(_SPANS, json.dumps(spans).encode())

    @classmethod
    def load(cls, order: Order) -> "PartedText":
        """As another step saved it; a process reads that once."""
        return _loaded(order)


@functools.lru_cache(maxsize=2)
def _loaded(order: Order) -> PartedText:
    spans = [
        Span(part, begin, end, between.encode("latin-1"))
        for part, begin, end, between in json.loads(order.read(_SPANS))
    ]
    return PartedText(order, spans)


class _Reader(io.RawIOBase):
    def __init__(self, order: Order, spans: Sequence[Span], ends: Sequence[int]):
        self._order, self._spans, self._ends, self._at = order, spans, ends, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:
        number = bisect.bisect_right(self._ends, self._at)
        if number == len(self._spans):
            return 0
        span = self._spans[number]
        begin = self._at - (self._ends[number] - span.size)
        data = span.read(self._order, begin, min(span.size, begin + len(buffer)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
