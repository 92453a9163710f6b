"""The article's model in Keras: an embedding, one LSTM layer and a projection to the vocabulary."""

import dataclasses
import io
import pathlib

import keras
import numpy as np

from tf_gpt2.files import write_atomically

WEIGHTS_FILE = "lstm.npz"
FIGURES_FILE = "figures.json"  # of its training, for who shows it
_EMBEDDING, _LSTM, _LOGITS = "token_embedding", "lstm", "logits"


@dataclasses.dataclass(frozen=True)
class LstmConfig:
    """Shape of the model; `embedding_dim` and `units` are the article's.

    Attributes:
        vocabulary_size: V.
        embedding_dim: E.
        units: U.
        context_length: Tokens that a text being written begins anew from when as many are there; the state itself
            has no such limit.
    """

    vocabulary_size: int
    embedding_dim: int = 512
    units: int = 1024
    context_length: int = 1024


def build_lstm(config: LstmConfig) -> keras.Model:
    """A functional model from ids [B, T] int32 to logits [B, T, V]; each row begins with a state of zeros."""
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(config.vocabulary_size, config.embedding_dim, name=_EMBEDDING)(ids)
    x = keras.layers.LSTM(config.units, return_sequences=True, name=_LSTM)(x)
    return keras.Model(ids, keras.layers.Dense(config.vocabulary_size, name=_LOGITS)(x))


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Its weights: embedding [V, E], kernel [E, 4U], recurrent [U, 4U], bias [4U], projection [U, V] and [V]."""
    names = ("embedding", "kernel", "recurrent", "bias", "projection", "projection_bias")
    arrays = [array for name in (_EMBEDDING, _LSTM, _LOGITS) for array in model.get_layer(name).get_weights()]
    return dict(zip(names, arrays, strict=True))


def save_weights(folder: pathlib.Path, model: keras.Model) -> None:
    """Writes the weights into a folder."""
    buffer = io.BytesIO()
    np.savez(buffer, **weights_of(model))
    write_atomically(folder / WEIGHTS_FILE, buffer.getvalue())


def load_weights(folder: pathlib.Path, model: keras.Model) -> None:
    """Puts the weights of a folder into a model of the same shape."""
    with np.load(folder / WEIGHTS_FILE) as stored:
        arrays = [stored[name] for name in weights_of(model)]
    model.set_weights(arrays)
