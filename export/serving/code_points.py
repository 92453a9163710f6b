"""Text as code points inside a graph, and what a tokenizer does with each of them, asked of the tokenizer itself.

Libraries differ in the version of Unicode they know, so no table of another library is taken: a tokenizer is asked
for whole ranges of code points at a time, and a range that it treats alike is not looked into.

Shapes: N code points of all rows of a batch after one another, R ranges.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gpt2.corpus.counting import CODE_POINTS

_SURROGATES = (0xD800, 0xE000)  # no text in UTF-8 holds one


def alike_ranges(ask: Callable[[str], Hashable | None]) -> list[tuple[int, Hashable]]:
    """What each code point is to a tokenizer, as (first code point, answer) of every range of equal answers.

    Args:
        ask: Takes a string of neighbouring code points; gives what they all are, None where they differ. For a
            single one it must not be None.
    """
    found: list = []

    def visit(start, end):
        answer = ask("".join(map(chr, range(start, end))))
        if answer is None:
            middle = (start + end) // 2
            visit(start, middle)
            visit(middle, end)
        elif not found or found[-1][1] != answer:
            found.append((start, answer))

    for start in range(0, CODE_POINTS, 256):
        if not _SURROGATES[0] <= start < _SURROGATES[1]:
            visit(start, start + 256)
    return found


class RangeTable(tf.Module):
    """A function of code points that is constant over ranges.

    Args:
        starts: First code points of the R ranges, rising, from 0.
        values: A value a range.
    """

    def __init__(self, starts: Sequence[int], values: Sequence[int]):
        super().__init__()
        self._starts = tf.Variable(np.asarray(starts, np.int32), trainable=False, name="starts")
        self._values = tf.Variable(np.asarray(values, np.int32), trainable=False, name="values")

    def __call__(self, code_points):
        """Values int32 [N] of code points int32 [N]."""
        return tf.gather(self._values, _search(self._starts, code_points, "right") - 1)


class SortedTable(tf.Module):
    """A sparse function of whole numbers.

    Args:
        entries: Values of at least 0 by key.
    """

    def __init__(self, entries: dict[int, int]):
        super().__init__()
        keys = sorted(entries) or [-1]
        self._keys = tf.Variable(np.array(keys, np.int64), trainable=False, name="keys")
        values = np.array([entries.get(key, -1) for key in keys], np.int32)
        self._values = tf.Variable(values, trainable=False, name="values")

    def __call__(self, keys):
        """Values int32 of keys int64 [N], -1 where there is none."""
        place = tf.minimum(_search(self._keys, keys, "left"), tf.size(self._keys) - 1)
        return tf.where(tf.gather(self._keys, place) == keys, tf.gather(self._values, place), -1)


def from_text(text: tf.Tensor) -> tf.RaggedTensor:
    """Code points [B, None] int32 of UTF-8 strings [B]; invalid bytes become U+FFFD as in Python's "replace"."""
    return tf.strings.unicode_decode(text, "UTF-8", errors="replace")


def to_text(code_points: tf.RaggedTensor) -> Any:
    """UTF-8 strings [B] of code points [B, None] int32."""
    return tf.strings.unicode_encode(code_points, "UTF-8")


def repair(text: tf.Tensor) -> Any:
    """UTF-8 strings [B] with U+FFFD for what is invalid in any byte strings [B]."""
    return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")


def utf8_bytes(code_points: tf.Tensor) -> Any:
    """The bytes of code points [N] int32: [N, 4] int32, -1 after the last."""
    tail = [0x80 + code_points // 64**place % 64 for place in range(3)]
    none = tf.fill(tf.shape(code_points), -1)
    lead2, lead3, lead4 = 0xC0 + code_points // 64, 0xE0 + code_points // 64**2, 0xF0 + code_points // 64**3
    spelled = [  # by number of bytes
        [code_points, none, none, none],
        [lead2, tail[0], none, none],
        [lead3, tail[1], tail[0], none],
        [lead4, tail[2], tail[1], tail[0]],
    ]
    one, two, three, four = (tf.stack(columns, axis=1) for columns in spelled)
    code_points = code_points[:, None]
    longer = tf.where(code_points < 0x10000, three, four)
    return tf.where(code_points < 0x80, one, tf.where(code_points < 0x800, two, longer))


def row_numbers(ragged: tf.RaggedTensor) -> Any:
    """The row of each of N values: int32 [N]. `value_rowids` would take memory of B times the longest row."""
    places = tf.range(tf.size(ragged.values))
    return _search(tf.cast(ragged.row_splits, tf.int32), places, "right") - 1


def keep(ragged: tf.RaggedTensor, values: tf.Tensor, kept: tf.Tensor) -> tf.RaggedTensor:
    """The rows of a ragged tensor with new values in the place of its own.

    Args:
        ragged: [B, None], N values in all.
        values: [N], or [N, L] for up to L values in the place of one.
        kept: bool, of the shape of `values`.
    """
    counts = tf.cast(kept, tf.int64)
    counts = counts if kept.shape.rank == 1 else tf.reduce_sum(counts, axis=1)
    ends = tf.concat([[0], tf.cumsum(counts)], axis=0)
    splits = tf.gather(ends, ragged.row_splits)
    return tf.RaggedTensor.from_row_splits(tf.boolean_mask(values, kept), splits, validate=False)


def _search(sorted_values, values, side):
    # The result of searchsorted alone would have no known rank.
    return tf.reshape(tf.searchsorted(sorted_values, values, side=side), (-1,))


def previous(values: tf.Tensor, rows: Any, outside: int | bool) -> Any:
    """For each of N values the one before it in its row, `outside` at the row's start; `rows` [N] is rising."""
    before = tf.concat([[outside], values], axis=0)[:-1]
    return tf.where(starts_of(rows), outside, before)


def following(values: tf.Tensor, rows: Any, outside: int | bool) -> Any:
    """For each of N values the one after it in its row, `outside` at the row's end."""
    after = tf.concat([values, [outside]], axis=0)[1:]
    ends = tf.reverse(starts_of(tf.reverse(rows, [0])), [0])
    return tf.where(ends, outside, after)


def starts_of(rows: Any) -> Any:
    """Where a new row begins: bool [N] of row numbers [N]."""
    return tf.concat([tf.ones_like(rows[:1], tf.bool), rows[1:] != rows[:-1]], axis=0)
