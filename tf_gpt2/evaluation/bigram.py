"""The baseline a language model has to beat: an interpolated bigram model.

p(b | a) = w2 * count(a, b) / count(a) + w1 * count(b) / N + w0 / V, with the weights found by
expectation-maximisation on a part of the training text that was not counted (Jelinek and Mercer
1980, "Interpolated estimation of Markov source parameters from sparse data"). The text that it is
measured on plays no part in it.
"""

import numpy as np

from tf_gpt2.data.token_files import TokenStream

LEAST_TRAINING_TARGETS = 20
_HELD_OUT_SHARE = 0.1
_ITERATIONS = 50
_TOLERANCE = 1e-7


class Bigram:
    """An interpolated bigram model of a text.

    Args:
        train: N tokens. The weights are found on its last tenth with counts of the rest; then all of it is counted.
        vocab_size: V; every id is below it.

    Raises:
        ValueError: There are too few tokens to count and weigh, or an id is out of range.
    """

    def __init__(self, train: TokenStream, vocab_size: int):
        if train.targets < LEAST_TRAINING_TARGETS:
            raise ValueError(f"needs {LEAST_TRAINING_TARGETS} targets for training, got {train.targets}")
        _check_ids(train, vocab_size)
        pairs = _pairs(train, vocab_size)
        cut = len(pairs) - max(2, int(len(pairs) * _HELD_OUT_SHARE))
        self._weights = _interpolation_weights(_Counts(pairs[:cut], vocab_size).estimates(pairs[cut:]))
        self._counts = _Counts(pairs, vocab_size)

    def cross_entropy(self, stream: TokenStream) -> float:
        """Mean of -ln p over the targets of a text, in nats per token.

        Args:
            stream: M tokens, at least one of them a target.

        Raises:
            ValueError: There is no target, or an id is out of range.
        """
        if not stream.targets:
            raise ValueError("needs a target to measure on, got none")
        _check_ids(stream, self._counts.vocab_size)
        mixture = self._counts.estimates(_pairs(stream, self._counts.vocab_size)) @ self._weights
        return float(-np.log(mixture).mean())

    def cross_entropy_per_character(self, stream: TokenStream) -> float:
        """The same in nats per character; raises the same."""
        return self.cross_entropy(stream) * stream.targets / stream.characters


def _check_ids(stream: TokenStream, vocab_size: int) -> None:
    if stream.tokens.max() >= vocab_size:
        raise ValueError(f"every token id must be below vocab_size {vocab_size}")


def _pairs(stream: TokenStream, vocab_size: int) -> np.ndarray:
    """Every target with the token before it, as one number, first * V + second: int64 [targets]."""
    pairs = stream.tokens[:-1].astype(np.int64) * vocab_size + stream.tokens[1:]
    return np.delete(pairs, stream.unpredicted[stream.unpredicted > 0] - 1)


class _Counts:
    """Counts of tokens and of adjacent pairs."""

    def __init__(self, pairs: np.ndarray, vocab_size: int):
        self.vocab_size = vocab_size
        self.seconds = np.bincount(pairs % vocab_size, minlength=vocab_size)  # [V]
        self.firsts = np.bincount(pairs // vocab_size, minlength=vocab_size)
        self.pairs, self.pair_counts = np.unique(pairs, return_counts=True)

    def estimates(self, pairs: np.ndarray) -> np.ndarray:
        """Bigram, unigram, uniform probability of the second token of each pair: float64 [M, 3]."""
        at = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        together = np.where(self.pairs[at] == pairs, self.pair_counts[at], 0)
        bigram = together / np.maximum(1, self.firsts[pairs // self.vocab_size])
        unigram = self.seconds[pairs % self.vocab_size] / self.seconds.sum()
        return np.stack([bigram, unigram, np.full(len(pairs), 1 / self.vocab_size)], axis=1)


def _interpolation_weights(estimates: np.ndarray) -> np.ndarray:
    """Weights of maximal likelihood by expectation-maximisation: float64 [3], summing to 1."""
    weights = np.full(3, 1 / 3)
    for _ in range(_ITERATIONS):
        shares = estimates * weights
        shares /= shares.sum(axis=1, keepdims=True)
        before, weights = weights, shares.mean(axis=0)
        if np.abs(weights - before).max() < _TOLERANCE:
            break
    # The uniform part must never vanish, or one unseen token would cost an infinity.
    weights[2] = max(weights[2], 1e-9)
    return weights / weights.sum()
