"""Limits of a request, kept inside the graph: a row beyond them gets a status that says so, and no work is done.

Requests share batches, so a mistake in one row must not spoil the others: every row has a status, empty when it was
answered. Only when no row of a batch can be answered does the call fail, with the first row's status.

Shapes: B rows.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from tf_gpt2.generation.settings import MAX_SEED, GenerationSettings

from .writing import RowSettings

RANDOM_SEED = -1
DTYPES = {
    "max_new_tokens": tf.int32,
    "temperature": tf.float32,
    "top_k": tf.int32,
    "top_p": tf.float32,
    "repetition_penalty": tf.float32,
    "seed": tf.int64,
    "finish_sentence": tf.bool,
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request may ask for.

    Attributes:
        max_batch_size: Rows of a batch.
        max_prompt_bytes: Bytes of a prompt or text in UTF-8, known before any work is done; also ids of a row to
            decode.
        max_new_tokens: Tokens to write for a row.
    """

    max_batch_size: int = 8
    max_prompt_bytes: int = 16384
    max_new_tokens: int = 1024

    def defaults(self, settings: GenerationSettings | None = None) -> dict[str, tf.Tensor]:
        """Settings [1] for what a request leaves out; they stand for every row.

        Args:
            settings: The model's (`TextGenerator.settings`), by default the product's.
        """
        settings = settings or GenerationSettings()
        values = {name: getattr(settings, name) for name in DTYPES}
        values["max_new_tokens"] = min(values["max_new_tokens"], self.max_new_tokens)
        values["seed"] = RANDOM_SEED
        return {name: tf.constant([values[name]], dtype) for name, dtype in DTYPES.items()}

    def check_rows(self, tensor: tf.Tensor) -> Any:
        """The tensor [B, ...]; fails when it has too many rows, or none."""
        rows = tf.shape(tensor)[0]
        rule = f"a request must have 1 to {self.max_batch_size} rows; received "
        holds = (rows >= 1) & (rows <= self.max_batch_size)
        return _required(tensor, holds, tf.strings.join([rule, tf.strings.as_string(rows)]))

    def check_text(self, text: tf.Tensor) -> Any:
        """Status [B] of prompts or texts [B]."""
        size = tf.strings.length(text)
        return _status(
            size <= self.max_prompt_bytes, f"a text must have at most {self.max_prompt_bytes} bytes", size
        )

    def check_ids(self, ids: tf.Tensor) -> Any:
        """Status [B] of ids [B, None]."""
        size = tf.fill((tf.shape(ids)[0],), tf.shape(ids)[1])
        return _status(
            size <= self.max_prompt_bytes, f"a row must have at most {self.max_prompt_bytes} tokens", size
        )

    def check_settings(self, settings: dict[str, tf.Tensor]) -> Any:
        """Status [B] of settings [B]: the first rule that does not hold."""
        top, low = f"an integer from 1 to {self.max_new_tokens}", "must be a number"
        rules = {
            "max_new_tokens": (lambda n: (n >= 1) & (n <= self.max_new_tokens), f"must be {top}"),
            "temperature": (lambda x: _finite(x) & (x >= 0), f"{low} 0 (greedy) or above"),
            "top_k": (lambda n: n >= 0, "must be an integer 0 (all) or above"),
            "top_p": (lambda x: (x > 0) & (x <= 1), f"{low} above 0 and at most 1"),
            "repetition_penalty": (lambda x: _finite(x) & (x > 0), f"{low} above 0"),
            "seed": (
                lambda n: (n >= RANDOM_SEED) & (n <= MAX_SEED),
                f"must be an integer from 0 to {MAX_SEED}, or {RANDOM_SEED} for any",
            ),
        }
        return first_of(
            _status(holds(settings[name]), f"{name} {rule}", settings[name])
            for name, (holds, rule) in rules.items()
        )


def first_of(statuses: Any) -> Any:
    """The first of several statuses [B] that is not empty."""
    result, *others = statuses
    for status in others:
        result = tf.where(result == "", status, result)
    return result


def require_some(status: tf.Tensor) -> Any:
    """The statuses [B]; fails, with the first row's, when no row can be answered."""
    return _required(status, tf.reduce_any(status == ""), status[0])


def rows_of(settings: dict[str, tf.Tensor], rows: Any) -> dict[str, tf.Tensor]:
    """Settings with one value for each of B rows, from [B] or [1]; any other number fails."""
    result = {}
    for name, values in settings.items():
        size = tf.size(values)
        rule = f"{name} must have one value, or one a row; received "
        message = tf.strings.join([rule, tf.strings.as_string(size), " values"])
        values = _required(values, (size == 1) | (size == rows), message)
        result[name] = tf.broadcast_to(values, (rows,))
    return result


def with_seeds(settings: dict[str, tf.Tensor], answered: Any) -> tuple[RowSettings, tf.Tensor]:
    """The settings for the writer, and the seeds [B] int64 with those drawn that were left open.

    Rows that are not answered get harmless values: theirs may be anything.
    """
    given = settings["seed"]
    drawn = tf.random.uniform(tf.shape(given), maxval=MAX_SEED + 1, dtype=tf.int64)
    seed = tf.where(given == RANDOM_SEED, drawn, given)
    safe = {name: tf.where(answered, values, tf.ones_like(values)) for name, values in settings.items()}
    safe["seed"] = tf.cast(tf.where(answered, seed, 0), tf.uint32)
    return RowSettings(**safe), seed


def _finite(values):
    return tf.math.is_finite(values)


def _status(holds, rule, values):
    shown = {"shortest": True} if values.dtype.is_floating else {}
    return tf.where(holds, "", tf.strings.join([f"{rule}; received ", tf.strings.as_string(values, **shown)]))


def _required(tensor, holds, message):
    """The tensor, once a rule is known to hold."""
    with tf.control_dependencies([tf.debugging.Assert(holds, [message])]):
        return tf.identity(tensor)
