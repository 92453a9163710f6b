"""The files of the prepared corpus: where every token comes to lie, shards put together, table, index last."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_gpt2.data import shards
from tf_gpt2.data.holding_out import SPLITS
from tf_gpt2.data.pipeline.order import Order, Problem, Summed, first_problem
from tf_gpt2.data.pipeline.parts import Span, cut_to, literal, pieces_of
from tf_gpt2.data.pipeline.tokenising import Made, ended_by
from tf_gpt2.data.shards import shard_name
from tf_gpt2.data.text_table import TABLE, TABLE_NAME
from tf_gpt2.data.token_files import token_dtype
from tf_gpt2.data.token_stream import SplitStream, StreamLayout
from tf_gpt2.locations import facts

LAYOUTS_PART = "layouts.json"


class Assembly(NamedTuple):
    """A file of the prepared corpus and what it is put together from."""

    name: str
    spans: tuple[Span, ...]


def whole_table(order: Order) -> np.ndarray:
    """The table of texts as `divide` left it."""
    count = facts(order.part(TABLE_NAME)).size // TABLE.itemsize
    return order.rows(TABLE_NAME, TABLE, 0, count)


def place(results: Sequence[Made | Problem], order: Order) -> Iterator[Any]:
    """From the tokens of all tasks to the shards that are to be put together.

    Yields:
        The first problem; or the table (`Summed`) and the shards (`Assembly`).
    """
    if (problem := first_problem(results)) is not None:
        yield problem
        return
    rows = whole_table(order).copy()
    made = sorted((result for result in results if isinstance(result, Made)), key=lambda result: result.key)
    _count(rows, made)
    layouts = {}
    ended, dtype = ended_by(rows), token_dtype(order.tokenizer().vocab_size)
    for at, split in enumerate(SPLITS):
        tokens = _Placed(dtype)
        unpredicted: list[int] = []
        for result in made:
            unpredicted += [tokens.length + position for position in result.unpredicted[at]]
            tokens.add(result.parts[at], result.lengths[at])
        state = {"unpredicted": unpredicted, "ended": ended[at]}
        stream = SplitStream(tokens, order.tokenizer(), np.zeros(0, np.int64), state)
        layouts[split] = stream.finish(ring=split == "train")
        for number, group in enumerate(cut_to(tokens.spans, shards.SHARD_TOKENS * dtype.itemsize)):
            yield Assembly(shard_name(split, number), tuple(group))
    order.write(LAYOUTS_PART, json.dumps({split: layout._asdict() for split, layout in layouts.items()}).encode())
    yield order.put(TABLE_NAME, [rows.tobytes()])


def layouts_of(order: Order) -> dict[str, StreamLayout]:
    """What the shards hold, as `place` left it."""
    return {split: StreamLayout(**layout) for split, layout in json.loads(order.read(LAYOUTS_PART)).items()}


def assemble(assembly: Assembly, order: Order) -> Iterator[Summed]:
    """Puts a file of the prepared corpus together."""
    yield order.put(assembly.name, pieces_of(order, assembly.spans))


def _count(rows: np.ndarray, made: Sequence[Made]) -> None:
    """Fills in the tokens of each text."""
    for result in made:
        counts = np.frombuffer(result.counts, np.int64).reshape(-1, len(SPLITS))
        for at, split in enumerate(SPLITS):
            rows[f"{split}_tokens"][result.key[0] : result.key[0] + len(counts)] += counts[:, at]


class _Placed:
    """The tokens of a split: where they lie, in order."""

    def __init__(self, dtype: np.dtype):
        self._dtype = dtype
        self.length = 0
        self.spans: list[Span] = []

    def add(self, part: str, length: int) -> None:
        if length:
            self.spans.append(Span(part, 0, length * self._dtype.itemsize))
            self.length += length

    def write(self, ids: np.ndarray) -> None:
        self.spans.append(literal(ids.astype(self._dtype).tobytes()))
        self.length += len(ids)

    def sizes(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass
