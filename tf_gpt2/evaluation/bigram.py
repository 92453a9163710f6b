"""The baseline a language model has to beat: an interpolated bigram model.

p(b | a) = w2 * count(a, b) / count(a) + w1 * count(b) / N + w0 / V, with the weights found by
expectation-maximisation on a part of the training text that was not counted (Jelinek and Mercer
1980, "Interpolated estimation of Markov source parameters from sparse data"). The validation text
plays no part in it.
"""

import numpy as np

_HELD_OUT_SHARE = 0.1
_ITERATIONS = 50
_TOLERANCE = 1e-7


def bigram_cross_entropy(train_tokens: np.ndarray, validation_tokens: np.ndarray, vocab_size: int) -> float:
    """Mean of -ln p over the validation tokens after the first, in nats per token.

    Args:
        train_tokens: Integer ids, [N]. The weights are found on its last tenth with counts of the
            rest; then all of it is counted.
        validation_tokens: Integer ids, [M], M at least 2.
        vocab_size: V; every id is below it.

    Raises:
        ValueError: There are too few tokens to count and weigh, or an id is out of range.
    """
    train, validation = np.asarray(train_tokens), np.asarray(validation_tokens)
    if len(train) < 20 or len(validation) < 2:
        raise ValueError(f"needs 20 training and 2 validation tokens, got {len(train)} and {len(validation)}")
    if max(train.max(), validation.max()) >= vocab_size:
        raise ValueError(f"every token id must be below vocab_size {vocab_size}")
    cut = len(train) - max(2, int(len(train) * _HELD_OUT_SHARE))
    weights = _interpolation_weights(_Counts(train[:cut], vocab_size).estimates(train[cut:]))
    mixture = _Counts(train, vocab_size).estimates(validation) @ weights
    return float(-np.log(mixture).mean())


class _Counts:
    """Counts of tokens and of adjacent pairs."""

    def __init__(self, tokens: np.ndarray, vocab_size: int):
        self.vocab_size = vocab_size
        self.tokens = np.bincount(tokens, minlength=vocab_size)  # [V]
        self.firsts = self.tokens.copy()
        self.firsts[tokens[-1]] -= 1  # nothing follows the last one
        self.pairs, self.pair_counts = np.unique(self._pair_ids(tokens), return_counts=True)

    def estimates(self, tokens: np.ndarray) -> np.ndarray:
        """Bigram, unigram, uniform probability of tokens after the first: float64 [M - 1, 3]."""
        pairs = self._pair_ids(tokens)
        at = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        together = np.where(self.pairs[at] == pairs, self.pair_counts[at], 0)
        bigram = together / np.maximum(1, self.firsts[tokens[:-1]])
        unigram = self.tokens[tokens[1:]] / self.tokens.sum()
        return np.stack([bigram, unigram, np.full(len(pairs), 1 / self.vocab_size)], axis=1)

    def _pair_ids(self, tokens: np.ndarray) -> np.ndarray:
        return tokens[:-1].astype(np.int64) * self.vocab_size + tokens[1:]


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
