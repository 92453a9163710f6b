"""Recipes that go with the presets: what a run uses where the user names nothing else."""

import math
from typing import Any

from tf_gpt2.training.effort import EVENING_MINUTES

# Peak learning rates. Keras scales Muon's update to Adam's usual size (0.2 RMS a matrix entry; Liu et al. 2025,
# section 2.2), so one rate serves both optimizers. Those of the OpenAI shapes are GPT-3's for models of these sizes
# (Brown et al. 2020, Table 2.1); those of `demo` and `evening` were measured (docs/notes/recipe.md).
_LEARNING_RATES = {
    "demo": 2e-3,
    "evening": 2e-3,
    "jinyong": 6e-4,
    "gpt2": 6e-4,
    "gpt2-medium": 3e-4,
    "gpt2-large": 2.5e-4,
    "gpt2-xl": 2e-4,
}
_DEMO_RATES = ((530, 3e-3), (2247, _LEARNING_RATES["demo"]))  # docs/notes/recipe.md
# Fine-tuning moves weights that are already good; gpt-2-simple's rate.
_FINE_TUNING_RATE = 1e-4
_BATCH_SIZES = {"demo": 16, "evening": 16}
DEFAULT_BATCH_SIZE = 8
_FINE_TUNING_TOKENS = 2048  # a step: two sequences of GPT-2's full context, where gpt-2-simple takes one
DEFAULT_EPOCHS = 10.0
TEACHERS_SHARE = 0.5  # what teachers count beside the text (docs/notes/recipe.md)
MULTI_TOKEN_SHARE = 0.3  # with time to spare (docs/notes/recipe.md)
LEAST_WEIGHT_DECAY = 0.1
# The best of those tried, by passes over the text (docs/notes/recipe.md); beyond the last it grows on, to 1.5.
_DECAYS = ((2.0, LEAST_WEIGHT_DECAY), (3.7, 0.5), (12.0, 1.0))
_MOST_WEIGHT_DECAY = 1.5
# Of the embeddings, in those of the matrices, by passes: faster wins in one, and recites in several. In quarters,
# so that a length that the clock gives seldom needs another compilation than the one that was timed.
_EMBEDDING_RATES = ((1.0, 2.0), (4.0, 1.0))
_EMBEDDING_RATE_STEP = 0.25
_EMBEDDING_DECAY = 2.0  # in that of the matrices
LIKELY_PASSES = 2.0  # of the demo's four minutes over its corpus
AVERAGE_WIDTH = 0.03  # docs/notes/recipe.md
# Presets that train for so long, in minutes, whatever the machine: the step is timed first.
MINUTES = {"demo": 4.0, "evening": EVENING_MINUTES}


def default_learning_rate(preset: str, steps: int, optimizer: str, *, fine_tuning: bool) -> float:
    """Peak learning rate of a preset, or of fine-tuning.

    The demo's by Muon is higher in a short run: the best that was tried, along the logarithm of the steps.
    """
    if fine_tuning:
        return _FINE_TUNING_RATE
    rate = _LEARNING_RATES[preset]
    if preset != "demo" or optimizer != "muon":  # not measured there
        return rate
    (short, highest), (long, _) = _DEMO_RATES
    share = math.log(long / min(max(steps, short), long)) / math.log(long / short)
    return round(rate * (highest / rate) ** share, 5)


def default_weight_decay(passes: float, optimizer: str, *, fine_tuning: bool) -> float:
    """Decoupled weight decay of matrices: the more passes over the text, the more (docs/notes/recipe.md)."""
    if optimizer != "muon" or fine_tuning:  # not measured there
        return LEAST_WEIGHT_DECAY
    below, above = _DECAYS[:2] if passes < _DECAYS[1][0] else _DECAYS[1:]
    return round(min(_MOST_WEIGHT_DECAY, _along(below, above, max(passes, below[0]))), 2)


def embedding_defaults(passes: float, optimizer: str, *, fine_tuning: bool) -> dict[str, Any]:
    """Fields of `Recipe` that are the embeddings' own: a higher rate in few passes over the text, more decay."""
    if optimizer != "muon" or fine_tuning:  # not measured there
        return {"embedding_rate": 1.0, "embedding_decay": 1.0}
    few, many = _EMBEDDING_RATES
    rate = _along(few, many, min(max(passes, few[0]), many[0]))
    rate = _EMBEDDING_RATE_STEP * round(rate / _EMBEDDING_RATE_STEP)
    return {"embedding_rate": rate, "embedding_decay": _EMBEDDING_DECAY}


def _along(first: tuple[float, float], second: tuple[float, float], x: float) -> float:
    """On the line through two points over the logarithm of x."""
    share = math.log(x / first[0]) / math.log(second[0] / first[0])
    return first[1] + share * (second[1] - first[1])


def default_batch_size(preset: str) -> int:
    """Sequences a step."""
    return _BATCH_SIZES.get(preset, DEFAULT_BATCH_SIZE)


def fine_tuning_batch_size(context_length: int) -> int:
    """Sequences a step of fine-tuning: fewer the longer they are, at least 1 and at most 16."""
    return max(1, min(16, _FINE_TUNING_TOKENS // context_length))
