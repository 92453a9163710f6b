"""GPT-2 up to its logits, in pieces of which some are computed again for the gradient instead of being kept.

Shapes: B sequences, T tokens, D hidden_dim, V vocabulary_size.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_gpt2.attention import after
from tf_gpt2.dropout import Draws
from tf_gpt2.layers import CausalSelfAttention
from tf_gpt2.training.head_loss import summed_head_loss, summed_head_loss_alone
from tf_gpt2.training.memory import Sparing

Piece = Callable[[Any, bool], Any]  # from the residual stream [B, T, D], and whether it trains, to the next


class Trunk:
    """A model of `tf_gpt2.model.build_model` up to what its head is applied to; shares its layers.

    Args:
        model: The model.
        remat: What is computed twice, as in `Sparing` ("full": Chen et al. 2016, section 3).
    """

    def __init__(self, model: keras.Model, remat: str = "none"):
        self._model = model
        streams = [model.get_layer(f"block_{i}_attention_norm").input for i in range(_blocks(model))]
        last = model.get_layer("final_norm")
        self._start = keras.Model(model.input, streams[0])
        pairs = zip(streams, [*streams[1:], last.input], strict=True)
        self._pieces = _remade([_piece(keras.Model(*pair)) for pair in pairs], remat)
        self._end = last

    def __call__(self, x: Any, training: bool) -> Any:
        """From ids [B, T] to hidden states [B, T, D] after the final norm."""
        stream = self._start(x, training=training)
        for piece in self._pieces:
            stream = piece(stream, training)
        return self._end(stream)

    def head(self, dtype: str) -> tf.Tensor:
        """The head [V, D] that hidden states are multiplied with."""
        layers = {layer.name: layer for layer in self._model.layers}
        if "output_projection" in layers:
            return tf.transpose(tf.cast(layers["output_projection"].kernel.value, dtype))
        return tf.cast(layers["token_embedding"].embeddings.value, dtype)


class SparingLoss:
    """`steps.next_token_loss` of one model of `tf_gpt2.model.build_model`, with less memory.

    Sets the form of the model's attention too, whoever calls it.
    """

    def __init__(self, model: keras.Model, sparing: Sparing):
        self._trunk, self._chunk = Trunk(model, sparing.remat), sparing.chunk
        for layer in model.layers:
            if isinstance(layer, CausalSelfAttention):
                layer.strip = sparing.strip

    def logits(self, x: Any, training: bool) -> tf.Tensor:
        """The logits for x [B, T], float32 [B, T, V], at once."""
        hidden = self.hidden(x, training)
        return tf.cast(tf.matmul(hidden, self._trunk.head(hidden.dtype), transpose_b=True), tf.float32)

    def __call__(self, _model: keras.Model, x: Any, y: Any, training: bool) -> tf.Tensor:
        """Sum of the cross-entropies of y under the logits for x, [B, T] each, in nats."""
        return self.summed(self.hidden(x, training), y, training)

    def hidden(self, x: Any, training: bool) -> Any:
        """What the head is applied to for x [B, T]: [B, T, D]."""
        return self._trunk(x, training)

    def summed(self, hidden: Any, y: Any, training: bool) -> tf.Tensor:
        """Sum of the cross-entropies of y [B, T] under the logits of such states [B, T, D], in nats."""
        hidden = tf.reshape(hidden, (-1, hidden.shape[-1]))  # [B * T, D]
        loss = summed_head_loss if training else summed_head_loss_alone
        return loss(hidden, self._trunk.head(hidden.dtype), tf.reshape(y, (-1,)), self._chunk or hidden.shape[0])


def _blocks(model):
    return sum(layer.name.endswith("_attention_norm") for layer in model.layers)


def _piece(block: keras.Model) -> Piece:
    return lambda stream, training: block(stream, training=training)


def _remade(pieces: list[Piece], remat: str) -> list[Piece]:
    if remat == "none":
        return pieces
    pieces = [recomputed(piece) for piece in pieces]
    if remat == "blocks":
        return pieces
    together = math.ceil(math.sqrt(len(pieces)))
    groups = [pieces[first : first + together] for first in range(0, len(pieces), together)]
    return [recomputed(_chain(group)) for group in groups]


def _chain(pieces: Sequence[Piece]) -> Piece:
    def chained(stream, training):
        for piece in pieces:
            stream = piece(stream, training)
        return stream

    return chained


def recomputed(piece: Piece) -> Piece:
    """The same function, only its input kept; for the gradient it is computed again, dropout included."""

    def call(stream, training):
        if not training:
            return piece(stream, training)
        draws = Draws()

        @tf.custom_gradient
        def run(stream):
            with draws.recorded():
                result = piece(stream, training)

            def gradient(incoming, variables=()):
                with draws.replayed(), tf.GradientTape() as tape:
                    again = after(stream, incoming)
                    tape.watch(again)
                    result = piece(again, training)
                of_stream, *of_variables = tape.gradient(result, [again, *variables], incoming)
                return of_stream, of_variables

            return result, gradient

        return run(stream)

    return call
