"""What the weights of a new GPT-2 are before the first step.

Matrices and token embedding as in openai/gpt-2, src/model.py: normal, 0.02; the projections back into the residual
stream scaled by 1/sqrt(2 * num_layers) (Radford et al. 2019, section 2.3). Two things differ, and are trained on
and stored as any others: positions are sinusoids, so that how far away a token is can be read from the start, and
the first heads of the first block read it (docs/notes/recipe.md).
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

INIT_STDDEV = 0.02
# Somewhat larger than the token vectors, and from 3 tokens a wave to 4 contexts: docs/notes/recipe.md.
_POSITION_STDDEV = 0.05
_SHORTEST_WAVE, _CONTEXTS_OF_LONGEST_WAVE = 3.0, 4.0
_LOOKING_BACK = 3  # heads
_LONGEST_SHORT_WAVE, _LARGEST_SCORE = 18.0, 8.0


def normal(stddev: float = INIT_STDDEV) -> keras.initializers.Initializer:
    """Normally distributed values around 0."""
    return keras.initializers.RandomNormal(stddev=stddev)


def residual_init_stddev(num_layers: int) -> float:
    """Standard deviation of a projection into a residual stream that `2 * num_layers` branches add to."""
    return INIT_STDDEV / math.sqrt(2 * num_layers)


@keras.saving.register_keras_serializable("tf_gpt2")
class SinusoidalPositions(keras.initializers.Initializer):
    """Vectors of positions [T, D] of sines and cosines (Vaswani et al. 2017, section 3.5), nothing drawn.

    Wavelengths are a geometric series from 3 tokens to 4 T; sines are in the first half of D, cosines in the other.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        length, width = shape
        angles = np.arange(length)[:, None] * _frequencies(length, width)
        values = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width]
        return ops.convert_to_tensor(math.sqrt(2) * _POSITION_STDDEV * values, dtype or "float32")


@keras.saving.register_keras_serializable("tf_gpt2")
class PreviousTokenHeads(keras.initializers.Initializer):
    """Projection [D, 3 D] to queries, keys and values whose first heads look 1, 2, 3 tokens back; all else normal.

    One step back turns every sine with its cosine by an angle: keys are the positions, queries the positions so
    turned, both in short waves alone, which tell neighbours apart. Previous-token heads are what a Transformer has
    to find before it can use more than the last token (Olsson et al. 2022, "In-context Learning and Induction
    Heads").

    Args:
        num_heads: H.
        context_length: T, of the positions.
    """

    def __init__(self, num_heads: int, context_length: int):
        self.num_heads, self.context_length = num_heads, context_length

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        width, head_dim = shape[0], shape[0] // self.num_heads
        frequencies = _frequencies(self.context_length, width)
        short = np.flatnonzero(frequencies[: width // 2] >= 2 * np.pi / _LONGEST_SHORT_WAVE)
        pairs, looking = head_dim // 2, np.full(shape, np.nan, "float32")
        if pairs and short.size:
            waves = short[np.linspace(0, short.size - 1, pairs).astype(int)]
            sines, cosines = np.eye(width)[:, waves], np.eye(width)[:, len(frequencies) + waves]  # [D, pairs]
            # How much of a normalised vector is position, and with it the largest score.
            of_position = 2 * _POSITION_STDDEV**2 / (_POSITION_STDDEV**2 + INIT_STDDEV**2)
            scale = math.sqrt(_LARGEST_SCORE * math.sqrt(head_dim) / (pairs * of_position))
            for head in range(min(_LOOKING_BACK, self.num_heads)):
                cosine, sine = np.cos(frequencies[waves] * (head + 1)), np.sin(frequencies[waves] * (head + 1))
                queries = [sines * cosine - cosines * sine, cosines * cosine + sines * sine]
                for part, columns in enumerate((queries, [sines, cosines])):
                    first = part * width + head * head_dim
                    looking[:, first : first + 2 * pairs] = scale * np.concatenate(columns, axis=1)
        drawn = normal()(shape, dtype)
        return ops.where(np.isnan(looking), drawn, ops.cast(looking, drawn.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"num_heads": self.num_heads, "context_length": self.context_length}


def _frequencies(length, width):
    """Radians a token of the waves of SinusoidalPositions, the shortest first: half as many as the width."""
    longest = max(_SHORTEST_WAVE, _CONTEXTS_OF_LONGEST_WAVE * length)
    return 2 * np.pi / np.geomspace(_SHORTEST_WAVE, longest, -(-width // 2))
