"""Tokens on several machines: texts in groups, and parts of long ones, each with what its neighbours decide."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from tf_gpt2.data import spool
from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.pipeline.order import Order
from tf_gpt2.data.pipeline.parts import PartedText
from tf_gpt2.data.spool import byte_places, decoded, read_documents
from tf_gpt2.data.text_table import TABLE, TABLE_NAME, Document, Documents, TextTable
from tf_gpt2.data.token_files import token_dtype
from tf_gpt2.data.token_stream import SplitStream, add_document, text_before

TOGETHER = 8 << 20  # bytes of text in a task
_MOST_TEXTS = 20_000


class Chapter(NamedTuple):
    """Texts from `first` to `end`, or one long text; for each split, whether what comes before is a whole text."""

    first: int
    end: int
    long: bool
    ended: tuple[bool, ...]


class Batches(NamedTuple):
    """A part of a long text for a split, in batches that lie between `places`, bytes of the spool."""

    number: int
    split: int
    places: tuple[int, ...]
    begins: bool
    ends: bool
    ended: bool
    whole: bool
    before: str


class Made(NamedTuple):
    """Tokens of a task; `key` is where it stands in each split.

    Attributes:
        key: The first text's number, the split of a part, the first byte.
        parts: Where the tokens of each split lie; "" where there are none.
        lengths: How many they are.
        unpredicted: Those of them that are no targets, counted from the first.
        counts: Tokens of each text in each split, int64 [texts, splits] as bytes.
    """

    key: tuple[int, int, int]
    parts: tuple[str, ...]
    lengths: tuple[int, ...]
    unpredicted: tuple[list[int], ...]
    counts: bytes


def chapters_of(rows: np.ndarray) -> Iterator[Chapter]:
    """The tasks for the texts of a table."""
    ends = _ends(rows)
    sizes = rows["bytes"].tolist()
    ended = (False,) * len(SPLITS)
    first, size, before = 0, 0, ended
    for number, here in enumerate(sizes):
        long = here > spool.LONG
        if first < number and (long or size + here > TOGETHER or number - first == _MOST_TEXTS):
            yield Chapter(first, number, False, before)
            first, size, before = number, 0, ended
        ended = tuple(bool(new) if some else old for old, some, new in zip(ended, *ends[number], strict=True))
        size += here
        if long:
            yield Chapter(number, number + 1, True, before)
            first, size, before = number + 1, 0, ended
    if first < len(sizes):
        yield Chapter(first, len(sizes), False, before)


def ended_by(rows: np.ndarray) -> tuple[bool, ...]:
    """For each split, whether its last text is a whole one."""
    some, whole = _parts(rows)
    last = [np.flatnonzero(column) for column in some.T]
    return tuple(bool(len(at) and whole[at[-1], split]) for split, at in enumerate(last))


def _parts(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each split has a part of each text, and whether that is the whole text: bool [texts, splits]."""
    borders = [np.zeros(len(rows), np.int64), rows["train_end"], rows["validation_end"], rows["characters"]]
    sizes = np.diff(np.stack(borders, axis=1), axis=1)
    return sizes > 0, (sizes > 0) & (sizes == rows["characters"][:, None])


def _ends(rows: np.ndarray) -> list[list[list[bool]]]:
    return np.stack(_parts(rows), axis=1).tolist()


def batches_of(chapter: Chapter, order: Order) -> Iterator[Chapter | Batches]:
    """A long text in parts that are tokenised apart; others as they are."""
    if not chapter.long:
        yield chapter
        return
    ((document,), text, tokenizer) = _documents(chapter, order), PartedText.load(order), order.tokenizer()
    places = byte_places(text, document, [0, *document.cuts])
    for split, (begin, end) in enumerate(zip(places, places[1:], strict=False)):
        at = begin
        borders = [begin]
        for batch in tokenizer.batches(decoded(text, begin, end)) if begin < end else ():
            at += len(batch.encode())
            borders.append(at)
        before = text_before(text, places[0], begin) if begin < end else ""
        groups = list(_grouped(borders))
        for number, group in enumerate(groups):
            yield Batches(
                chapter.first, split, group, number == 0, number + 1 == len(groups), chapter.ended[split],
                (begin, end) == (places[0], places[-1]), before,
            )  # fmt: skip


def _grouped(borders: Sequence[int]) -> Iterator[tuple[int, ...]]:
    first = 0
    for number in range(1, len(borders)):
        if borders[number] - borders[first] >= TOGETHER or number + 1 == len(borders):
            yield tuple(borders[first : number + 1])
            first = number


def tokenise(task: Chapter | Batches, order: Order) -> Iterator[Made]:
    """Makes the tokens of a task.

    Raises:
        UserError: The tokenizer cannot encode a text.
    """
    if isinstance(task, Chapter):
        key, ended, count = (task.first, 0, 0), task.ended, task.end - task.first
    else:
        key, count = (task.number, task.split, task.places[0]), 1
        ended = tuple(task.ended if task.begins else False for _ in SPLITS)
    counts = np.zeros((count, len(SPLITS)), np.int64)
    with contextlib.ExitStack() as stack:
        parts = [_Part(order, f"tokens-{key[0]:010}-{key[2]:014}-{split}", stack) for split in SPLITS]
        tokenizer = order.tokenizer()
        streams = [
            SplitStream(part, tokenizer, counts[:, at], {"unpredicted": [], "ended": ended[at]})
            for at, part in enumerate(parts)
        ]
        if isinstance(task, Chapter):
            text = PartedText.load(order)
            for number, (document, content) in enumerate(read_documents(text, _documents(task, order))):
                add_document(streams, number, document, content)
        else:
            _write_batches(streams[task.split], task, order)
        for stream in streams:
            stream.flush()
    yield Made(
        key,
        tuple(part.name if part.length else "" for part in parts),
        tuple(part.length for part in parts),
        tuple(stream.state()["unpredicted"] for stream in streams),
        counts.tobytes(),
    )


def _write_batches(stream: SplitStream, task: Batches, order: Order) -> None:
    text = PartedText.load(order)
    if task.begins:
        stream.begin(task.before)
    batches = ("".join(decoded(text, begin, end)) for begin, end in zip(task.places, task.places[1:], strict=False))
    for _ in stream.write_batches(0, batches, begins=task.begins):
        pass
    if task.ends:
        stream.end(whole=task.whole)


def _documents(chapter: Chapter, order: Order) -> Sequence[Document]:
    """The texts of a chapter, without their titles."""
    rows = order.rows(TABLE_NAME, TABLE, chapter.first, chapter.end)
    return Documents(TextTable(rows, np.zeros(0, np.uint8)))


class _Part:
    """A part that tokens are written to; it is made with the first of them."""

    def __init__(self, order: Order, name: str, stack: contextlib.ExitStack):
        self._order, self._stack, self.name = order, stack, name
        self._file: IO[Any] | None = None
        self._dtype = token_dtype(order.tokenizer().vocab_size)
        self.length = 0

    def write(self, ids: np.ndarray) -> None:
        if len(ids):
            if self._file is None:
                self._file = self._stack.enter_context(self._order.writing(self.name))
            self._file.write(ids.astype(self._dtype).tobytes())
            self.length += len(ids)

    def sizes(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass
