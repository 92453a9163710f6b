"""From the nats of texts to figures that can be compared, and the conventions that they follow.

Published perplexities disagree mostly over conventions, so these stand beside every figure.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_gpt2.corpus.script import WORD, is_alphabetic

CONVENTIONS = {
    "text": "cleaned as for training; every text is a document",
    "first_token": "predicted from the end-of-text token",
    "end_of_text": "not predicted, not counted",
    "windows": "sliding; each token is predicted once, in the first window that has it; the last window is full",
    "nats_per_token": "mean of -ln p over all tokens of all texts, not a mean of means",
    "character": "Unicode code point",
    "byte": "of UTF-8",
    "word": "letters and digits with the apostrophes between them; only for texts in an alphabet",
}
_BINS = 10


def figures_of(nats: float, tokens: int, texts: Sequence[str]) -> dict[str, Any]:
    """Nats, bits and perplexity per token, character, byte and, for alphabets, word.

    Args:
        nats: Sum of -ln p over all tokens.
        tokens: Their number, at least one.
        texts: What they are of.
    """
    counts = {
        "token": tokens,
        "character": sum(map(len, texts)),
        "byte": sum(len(text.encode("utf-8", "replace")) for text in texts),
    }
    if is_alphabetic("".join(texts)):
        counts["word"] = sum(1 for text in texts for _ in WORD.finditer(text))
    figures: dict[str, Any] = {f"{unit}s": count for unit, count in counts.items()}
    for unit, count in counts.items():
        if count:
            figures[f"nats_per_{unit}"] = nats / count
            figures[f"bits_per_{unit}"] = nats / math.log(2) / count
            figures[f"perplexity_per_{unit}"] = perplexity(nats / count)
    return figures


def perplexity(nats: float) -> float:
    """exp of nats a unit; infinite where a float ends."""
    return math.exp(nats) if nats < 700 else math.inf


def calibration(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Whether 30 % means 30 %: how often the likeliest token at each place comes, by its probability.

    The expected calibration error is of Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2, in
    ten bins of equal width.

    Args:
        confidence: Probability of the likeliest token [N].
        right: Whether it came [N].
    """
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    rows, error = [], 0.0
    for number in range(_BINS):
        inside = bins == number
        if count := int(inside.sum()):
            expected, came = float(confidence[inside].mean()), float(right[inside].mean())
            rows.append({"tokens": count, "probability": expected, "came": came})
            error += count / len(bins) * abs(expected - came)
    return {"bins": rows, "expected_calibration_error": error}


def loss_by_position(nats: np.ndarray, positions: np.ndarray) -> list[dict[str, Any]]:
    """Mean loss by how many tokens the model saw before, in spans that double: 0, 1, 2-3, 4-7, ...

    Args:
        nats: -ln p of each token [N].
        positions: Tokens of its window before it, the end of text that begins it not counted [N].
    """
    spans = np.where(positions > 0, np.floor(np.log2(np.maximum(positions, 1))).astype(int) + 1, 0)
    rows = []
    for span in np.unique(spans).tolist():
        first = 0 if span == 0 else 1 << (span - 1)
        inside = spans == span
        last = int(positions[inside].max())
        mean = float(nats[inside].mean())
        rows.append({"from": first, "to": last, "tokens": int(inside.sum()), "nats_per_token": mean})
    return rows
