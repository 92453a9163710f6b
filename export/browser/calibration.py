"""Chooses int8 weights by what the model reads and writes: its own text, so nothing but the model is needed."""

from collections.abc import Mapping

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.formats.weights import TABLE
from tf_gpt2.tokenizer import Tokenizer

from .numpy_forward import forward, product_matrix
from .rounding import DAMPING, Int8Matrix, round_for_products

ROWS = 16
ROW_TOKENS = 128
SEED = 1
# A tied table is looked up as well as multiplied by, and what is looked up are its weights, not their products.
TABLE_DAMPING = 1.0


def round_weights(
    config: GPT2Config, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer
) -> dict[str, Int8Matrix]:
    """Int8 matrices [in, out] by Hugging Face name, for all that activations are multiplied by.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        tokenizer: The model's tokenizer.

    Raises:
        UserError: The model's activations are not finite numbers.
    """
    return round_along(config, weights, own_text(config, weights, tokenizer))


def own_text(config: GPT2Config, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer) -> np.ndarray:
    """What the model writes from nothing: ids [windows, T], up to 2,048 in all, T at most its context."""
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    from tf_gpt2.generation.engine import Engine
    from tf_gpt2.generation.settings import GenerationSettings

    end = tokenizer.end_of_text_id
    settings = GenerationSettings(max_new_tokens=ROW_TOKENS - 1, stop_at_end_of_text=False)
    # Compiling takes longer than it saves on so short a text.
    engine = Engine(config, weights, end, tokenizer.vocab_size, jit_compile=False)
    rows: list = []
    while len(rows) < ROWS:
        samples = list(range(len(rows), min(ROWS, len(rows) + engine.max_rows)))
        session = engine.start(
            [np.array([end], np.int32)] * len(samples), settings, SEED, [0] * len(samples), samples
        )
        while any(session.active):
            session.advance(ROW_TOKENS)
        rows += [[end, *tokens] for tokens in session.tokens]
    length = min(config.context_length, ROW_TOKENS)
    windows = np.array(rows, np.int32)[:, : ROW_TOKENS // length * length]
    return windows.reshape(-1, length)


def round_along(config: GPT2Config, weights: Mapping[str, np.ndarray], ids: np.ndarray) -> dict[str, Int8Matrix]:
    """Goes through the model with a text and rounds each matrix when the text comes to it.

    What lies behind a matrix sees the text as the rounded matrix leaves it.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        ids: Token ids [B, T] of the text.

    Raises:
        UserError: An activation is not a finite number.
    """
    rounded = {}

    def product(name, x):
        rows = x.reshape(-1, x.shape[-1])
        covariance = rows.T @ rows / np.float32(len(rows))
        matrix = product_matrix(weights, name)
        if not (np.isfinite(covariance).all() and np.isfinite(matrix).all()):
            raise UserError(
                f"int8 needs a model of finite numbers; {name} or what it is multiplied by has others. "
                "Take another checkpoint, or `dtype` float32"
            )
        rounded[name] = round_for_products(matrix, covariance, TABLE_DAMPING if name == TABLE else DAMPING)
        return x @ rounded[name].value

    forward(config, weights, ids, product)
    return rounded
