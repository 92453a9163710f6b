"""How likely a model finds a given text, token by token.

A text is taken as a document: its first token is predicted from the end-of-text token, as in training. A longer
text than the context is read in overlapping windows; each token is scored once, in the first window that has it.

Shapes: B windows, T tokens of a window, S of them scored, V vocabulary_size, C context_length, A alternatives.
"""

import dataclasses
import itertools
import typing
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.generation import decoder
from tf_gpt2.generation.engine import Engine
from tf_gpt2.tokenizer import Tokenizer

TOKENS_AT_ONCE = 1024  # short windows are read several at a time


class Window(typing.NamedTuple):
    """A pass over `length` tokens from `start`; predictions before the `first` belong to an earlier window."""

    start: int
    length: int
    first: int


@dataclasses.dataclass(frozen=True)
class TextScore:
    """The score of a text of N tokens.

    Attributes:
        ids: Token ids [N].
        tokens: Their texts, a list of N; a token that is part of a character shows as U+FFFD.
        log_probabilities: Natural logarithms [N], each given all tokens before it within the window.
        alternative_ids: The likeliest ids at each place [N, A], likeliest first.
        alternative_log_probabilities: Their logarithms [N, A].
        alternatives: Their texts, N lists of A.
    """

    ids: np.ndarray
    tokens: list[str]
    log_probabilities: np.ndarray
    alternative_ids: np.ndarray
    alternative_log_probabilities: np.ndarray
    alternatives: list[list[str]]

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-probability; NaN for an empty text."""
        return float(np.exp(-self.log_probabilities.mean())) if len(self.ids) else float("nan")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A token that may come next.

    Attributes:
        text: What it adds; a token that is part of a character shows as U+FFFD.
        id: Its id.
        probability: Its share of what the tokenizer's ids have together, which is 1.
    """

    text: str
    id: int
    probability: float


def plan_windows(num_predictions: int, context_length: int, stride: int) -> list[Window]:
    """Windows that predict tokens 1 to `num_predictions` of a sequence, each once.

    Windows begin every `stride` tokens, so all but the first `context_length` tokens are predicted from at least
    context_length - stride tokens. The last window is moved left to be full: its tokens get more, never less.

    Raises:
        UserError: The stride is not between 1 and the context length.
    """
    if not 1 <= stride <= context_length:
        raise UserError(f"`stride` must be from 1 to the context length {context_length}; received {stride}")
    windows: list = []
    done = 0
    while done < num_predictions:
        start = 0 if not windows else windows[-1].start + stride
        start = min(start, max(0, num_predictions - context_length))
        length = min(context_length, num_predictions - start)
        windows.append(Window(start, length, done - start))
        done = start + length
    return windows


class Scorer:
    """The scoring pass of an engine, traced once.

    Attributes:
        alternatives: A, how many of the likeliest tokens it gives at each place.
        context_length: C, the longest window.
    """

    def __init__(self, engine: Engine, alternatives: int = 0):
        self._engine = engine
        self.context_length = engine.config.context_length
        self.alternatives = min(alternatives, engine.vocabulary_size)
        ids = tf.TensorSpec((None, None), tf.int32)
        signature = [ids, ids, tf.TensorSpec((), tf.int32)]
        self._pass = tf.function(self._score, input_signature=signature, autograph=False)

    def windows(self, ids: np.ndarray, stride: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Scores a document window by window.

        Args:
            ids: Token ids [N].
            stride: Tokens from one window to the next.

        Yields:
            In order, for the next S tokens: log-probabilities [S], alternatives' ids [S, A] and theirs [S, A].
        """
        sequence = np.concatenate([[self._engine.end_of_text_id], ids]).astype(np.int32)
        plan = plan_windows(len(ids), self.context_length, stride)
        for (length, first), group in itertools.groupby(plan, lambda window: (window.length, window.first)):
            for batch in _batched(list(group), max(1, TOKENS_AT_ONCE // length)):
                starts = np.array([window.start for window in batch])[:, None] + np.arange(length + 1)  # [B, T + 1]
                part = sequence[starts]
                results = self._pass(tf.constant(part[:, :-1]), tf.constant(part[:, 1:]), tf.constant(first))
                yield tuple(result.numpy() for result in results)

    def _score(self, ids, targets, first):
        engine = self._engine
        hidden, _, _ = decoder.encode(engine.weights.whole, engine.config, ids)
        hidden = tf.reshape(hidden[:, first:], (-1, engine.config.hidden_dim))  # [B * S, D]
        logits = decoder.logits(engine.weights.whole, engine.config, hidden)
        targets = tf.reshape(targets[:, first:], (-1,))
        total = tf.reduce_logsumexp(logits, axis=1)
        scores = tf.gather(logits, targets, batch_dims=1) - total
        values, best = tf.math.top_k(logits, self.alternatives)
        return scores, best, values - total[:, None]


def _batched(items, size):
    return (items[start : start + size] for start in range(0, len(items), size))


def score(scorer: Scorer, tokenizer: Tokenizer, text: str) -> TextScore:
    """Scores a text, with as many alternatives at each place as the scorer gives."""
    ids = tokenizer.encode(text)
    parts = list(scorer.windows(ids, max(1, scorer.context_length // 2)))
    empty = (
        np.zeros(0, np.float32),
        np.zeros((0, scorer.alternatives), np.int32),
        np.zeros((0, scorer.alternatives), np.float32),
    )
    scores, best, values = (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else empty
    shown = {int(i): tokenizer.decode([int(i)]) for i in np.unique(np.concatenate([ids, best.ravel()]))}
    return TextScore(
        ids=ids,
        tokens=[shown[int(i)] for i in ids],
        log_probabilities=scores,
        alternative_ids=best,
        alternative_log_probabilities=values,
        alternatives=[[shown[int(i)] for i in row] for row in best],
    )


def likeliest(logits: np.ndarray, tokenizer: Tokenizer, k: int) -> list[Candidate]:
    """The k largest of logits [V], largest first, equal ones by rising id.

    Raises:
        UserError: A logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise UserError("the model's logits must be finite; its weights give NaN. Take another checkpoint")
    weights = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = weights / weights.sum()
    best = np.argsort(-logits, kind="stable")[:k]
    return [Candidate(tokenizer.decode([int(i)]), int(i), float(probabilities[i])) for i in best]
