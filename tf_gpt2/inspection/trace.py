"""The pass through the Keras model that keeps what is computed on the way.

Shapes: L layers, H heads, T tokens, K head_dim, D hidden_dim, V the tokenizer's ids, N the likeliest of them.
"""

import dataclasses
import warnings
from collections.abc import Mapping

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_head
from tf_gpt2.model_directory import build_model_from

LIKELIEST = 10
_REMEDY = "its weights are damaged, or too large for float32. Take another checkpoint"


@dataclasses.dataclass(frozen=True)
class Trace:
    """What a model computed for T tokens, float32.

    Attributes:
        attention: Weights [L, H, T, T], query by key; rows sum to 1, and nothing stands above the diagonal.
        queries: [L, H, T, K], not scaled: scores are products with keys, divided by the square root of K.
        keys: [L, H, T, K].
        values: [L, H, T, K].
        hidden: The residual stream [L + 1, T, D]: before each block, and after the last one.
        token_vectors: Token embeddings [T, D], before positions are added.
        normalized: Each block's first norm of its input [L, T, D].
        attended: What attention adds to the residual stream [L, T, D].
        mlp: What the MLP adds [L, T, D].
        logits: [T, V] of what follows each token.
        lens_ids: The N likeliest ids after each layer [L + 1, T, N] int32, equally likely ones by rising id.
        lens_probabilities: Theirs [L + 1, T, N].
    """

    attention: np.ndarray
    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    hidden: np.ndarray
    token_vectors: np.ndarray
    normalized: np.ndarray
    attended: np.ndarray
    mlp: np.ndarray
    logits: np.ndarray
    lens_ids: np.ndarray
    lens_probabilities: np.ndarray


class Tracer:
    """A Keras model whose internals are outputs; built once, then asked for any text.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name; copied.
        vocabulary_size: V; ids from here on are never shown (a tokenizer may be smaller than the model).
    """

    def __init__(self, config: GPT2Config, weights: Mapping[str, np.ndarray], vocabulary_size: int):
        self._config, self._vocabulary_size = config, vocabulary_size
        self._model = build_model_from(config, weights, with_internals=True)
        self._head = build_head(self._model, config)

    def trace(self, ids: np.ndarray) -> Trace:
        """Computes everything for ids [T] int32, T from 1 to the context length.

        Raises:
            UserError: Attention or logits are not finite.
        """
        outputs = {name: np.asarray(value)[0] for name, value in self._run(ids).items()}

        def stacked(name, count=self._config.num_layers):
            return np.stack([outputs.pop(f"{name}_{index}") for index in range(count)])

        attention = stacked("attention")
        if not (finite := np.isfinite(attention).all((1, 2, 3))).all():
            raise UserError(f"the model's attention must be finite; layer {np.argmin(finite)} gives NaN: {_REMEDY}")
        hidden = stacked("hidden", self._config.num_layers + 1)
        logits = _finite(outputs["logits"][:, : self._vocabulary_size])
        lens = [likeliest(self._logits_of(layer), LIKELIEST) for layer in hidden[:-1]]
        lens.append(likeliest(logits, LIKELIEST))
        return Trace(
            attention=attention,
            queries=stacked("queries"),
            keys=stacked("keys"),
            values=stacked("values"),
            hidden=hidden,
            token_vectors=outputs["token_vectors"],
            normalized=stacked("normalized"),
            attended=stacked("attended"),
            mlp=stacked("mlp"),
            logits=logits,
            lens_ids=np.stack([best for best, _ in lens]),
            lens_probabilities=np.stack([shares for _, shares in lens]),
        )

    def next_logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits [V] of what follows ids [T], T from 1 to the context length.

        Raises:
            UserError: They are not finite.
        """
        hidden = self._run(ids)[f"hidden_{self._config.num_layers}"]
        return _finite(self._logits_of(np.asarray(hidden)[0, -1:]))[0]

    def _run(self, ids):
        with warnings.catch_warnings():  # Keras takes the softmax over a single token for a mistake
            warnings.filterwarnings("ignore", "You are using a softmax over axis")
            return self._model(ids[None], training=False)

    def _logits_of(self, hidden):
        """Logits [T, V] of one layer's hidden states [T, D]: one layer at a time, since V is large."""
        return np.asarray(self._head(hidden[None], training=False))[0, :, : self._vocabulary_size]


def _finite(logits):
    if not np.isfinite(logits).all():
        raise UserError(f"the model's logits must be finite; they hold NaN: {_REMEDY}")
    return logits


def log_normalizers(logits: np.ndarray) -> np.ndarray:
    """log of the sum of exp(logits) over the last axis: float64 [...] of [..., V]."""
    largest = logits.max(-1)
    return largest.astype(np.float64) + np.log(np.exp(logits - largest[..., None]).sum(-1, dtype=np.float64))


def likeliest(logits: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each row of logits [T, V]: ids [T, N] int32, equal ones by rising id; probabilities [T, N].

    N is `count`, or V where that is less.
    """
    ids = largest_first(logits, count)
    chosen = np.take_along_axis(logits, ids, -1)
    return ids, np.exp(chosen - log_normalizers(logits)[:, None]).astype(np.float32)


def largest_first(logits: np.ndarray, count: int) -> np.ndarray:
    """Ids [T, N] int32 of the largest of each row of [T, V], equal ones by rising id."""
    from keras import ops

    return np.asarray(ops.top_k(logits, min(count, logits.shape[-1]))[1]).astype(np.int32)
