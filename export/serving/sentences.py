"""Where a text ends that finishes its sentence, inside the graph: `tf_gpt2.generation.sentences` for a batch.

There a text is followed character by character; here it is looked at as a whole with each token past its limit,
which comes to the same: half a character at its end is U+FFFD, and that is neither a mark nor what closes.

Shapes: B rows.
"""

import typing
from typing import Any

import tensorflow as tf

from tf_gpt2.generation.sentences import BLANKS, CLOSERS, FINISH_TOKENS, MARKS, WITHIN

__all__ = ["FINISH_TOKENS", "Ends", "follow", "nothing_yet"]


def _any_of(characters):
    return "[" + characters.replace("]", r"\]") + "]"


_END = f"(?s).*{_any_of(MARKS)}{_any_of(CLOSERS)}*"
_CERTAIN_END = f"{_END}{_any_of(BLANKS)}+"
_POINT = r"(?s).*\."
_BELONGS = f"(?s){_any_of(MARKS + CLOSERS)}.*"
_WITHIN = f"(?s){_any_of(WITHIN)}.*"
_EVERYTHING = 2**30


class Ends(typing.NamedTuple):
    """Where the texts of a batch end, as far as that is known."""

    kept: tf.Tensor  # [B] int32 tokens of the text; _EVERYTHING while it is not known
    place: tf.Tensor  # [B] int32 tokens up to what may be the end, 0 for none
    size: tf.Tensor  # [B] int32 bytes of the text up to there


def nothing_yet(like: tf.Tensor) -> Ends:
    """The ends of B texts before any was looked at."""
    return Ends(tf.fill(tf.shape(like), _EVERYTHING), tf.zeros_like(like), tf.zeros_like(like))


def follow(texts: tf.Tensor, looked_at: tf.Tensor, last: tf.Tensor, written: tf.Tensor, ends: Ends) -> Any:
    """Takes one more token into account.

    Args:
        texts: UTF-8 strings [B], all that was written.
        looked_at: bool [B], rows that are past their limit and go on; the others stay as they are.
        last: bool [B], rows that get no further token.
        written: int32 [B], tokens in the texts.
        ends: What was found before.

    Returns:
        Rows [B] whose texts have their end, and the ends.
    """
    pending = looked_at & (ends.place > 0)
    size = tf.where(pending, ends.size, 0)
    before = tf.strings.substr(texts, tf.zeros_like(size), size)
    fresh = tf.strings.substr(texts, size, tf.strings.length(texts) - size)
    half = tf.strings.regex_full_match(fresh, "\ufffd*")
    waits = pending & half & ~last
    belongs = tf.strings.regex_full_match(fresh, _BELONGS)
    belongs |= tf.strings.regex_full_match(before, _POINT) & tf.strings.regex_full_match(fresh, _WITHIN)
    dropped = pending & ~waits & ~belongs
    candidate = looked_at & ~waits & ~dropped
    certain = candidate & tf.strings.regex_full_match(texts, _CERTAIN_END)
    possible = candidate & tf.strings.regex_full_match(texts, _END)
    kept = tf.where(dropped, ends.place, tf.where(certain, written, ends.kept))
    place = tf.where(possible, written, tf.where(candidate, 0, ends.place))
    size = tf.where(possible, tf.strings.length(texts), ends.size)
    return dropped | certain, Ends(kept, place, size)
