"""The layers of GPT-2, written with keras.ops so that they run on any Keras backend.

Shapes: B batch, T sequence length, D hidden_dim, H num_heads, K head_dim, F intermediate_dim, V vocabulary_size.
"""

from typing import Any

import keras
from keras import ops

from tf_gpt2.attention import attend_in_strips, hidden_score
from tf_gpt2.dropout import Dropout
from tf_gpt2.initializers import INIT_STDDEV, SinusoidalPositions, normal


@keras.saving.register_keras_serializable("tf_gpt2")
class TokenEmbedding(keras.layers.Layer):
    """Token embedding [V, D], which also projects hidden states to logits (`reverse=True`).

    Call with ids [B, T] for vectors [B, T, D]; with hidden states [B, T, D] and `reverse=True` for logits
    [B, T, V].
    """

    def __init__(self, vocabulary_size: int, hidden_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=normal(),
        )
        self.built = True

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if reverse:
            return ops.matmul(inputs, ops.transpose(ops.cast(self.embeddings, inputs.dtype)))  # [B, T, V]
        return ops.take(self.embeddings, inputs, axis=0)  # [B, T, D]

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        shape = (*inputs.shape[:-1], self.vocabulary_size) if reverse else (*inputs.shape, self.hidden_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
        }


@keras.saving.register_keras_serializable("tf_gpt2")
class PositionEmbedding(keras.layers.Layer):
    """Adds learned positions [context_length, D] to token vectors [B, T, D], T at most context_length."""

    def __init__(self, context_length: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.context_length = context_length

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.context_length, input_shape[-1]),
            initializer=SinusoidalPositions(),
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        length = ops.shape(inputs)[1]
        return inputs + ops.cast(self.embeddings[:length], inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "context_length": self.context_length}


@keras.saving.register_keras_serializable("tf_gpt2")
class CausalSelfAttention(keras.layers.Layer):
    """Masked multi-head self-attention (Vaswani et al. 2017, section 3.2; mask as in openai/gpt-2).

    One fused projection gives queries, keys and values. Input and output are [B, T, D]. With
    `return_attention=True` the call also returns the attention weights [B, H, T, T], rows summing to one, before
    dropout; with `return_projections=True` these and then the queries, keys and values, each [B, H, T, K], the
    queries not scaled.

    Attributes:
        strip: Queries computed at once, so that no weights [B, H, T, T] are kept for the gradient (attention.py);
            0 for all. Changes how the result is computed and not the result.
    """

    def __init__(
        self,
        num_heads: int,
        dropout: float = 0.0,
        output_init_stddev: float = INIT_STDDEV,
        qkv_initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.output_init_stddev = output_init_stddev
        self.qkv_initializer = keras.initializers.get(qkv_initializer) or normal()
        self.attention_dropout = Dropout(dropout, name="dropout")
        self.strip = 0

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.qkv_kernel = self.add_weight(
            name="qkv_kernel", shape=(width, 3 * width), initializer=self.qkv_initializer
        )
        self.qkv_bias = self.add_weight(name="qkv_bias", shape=(3 * width,), initializer="zeros")
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(width, width), initializer=normal(self.output_init_stddev)
        )
        self.output_bias = self.add_weight(name="output_bias", shape=(width,), initializer="zeros")
        self.built = True

    def call(
        self,
        inputs: Any,
        training: bool | None = None,
        return_attention: bool = False,
        return_projections: bool = False,
    ) -> Any:
        width = inputs.shape[-1]
        length = ops.shape(inputs)[1]
        head_dim = width // self.num_heads
        qkv = ops.matmul(inputs, self.qkv_kernel) + self.qkv_bias  # [B, T, 3D]
        query, key, value = (self._split_heads(part, length) for part in ops.split(qkv, 3, axis=-1))
        # Scaling the queries costs T * K products a head; scaling the scores would cost T * T.
        scaled = query * head_dim**-0.5
        attention = None
        if self.strip and not (return_attention or return_projections):
            context = self._attend_in_strips(scaled, key, value, training)
        else:
            context, attention = self._attend(scaled, key, value, training)
        context = ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (-1, length, width))
        outputs = ops.matmul(context, self.output_kernel) + self.output_bias  # [B, T, D]
        if return_projections:
            return outputs, attention, query, key, value
        return (outputs, attention) if return_attention else outputs

    def _attend(self, scaled, key, value, training):
        """What attention gathers [B, H, T, K], and its weights [B, H, T, T]."""
        scores = ops.einsum("bhqk,bhsk->bhqs", scaled, key)  # [B, H, T, T]
        position = ops.arange(ops.shape(scores)[-1])
        visible = position[None, :] <= position[:, None]  # [T, T], query by key
        scores = ops.where(visible, scores, ops.cast(hidden_score(scores.dtype), scores.dtype))
        # The softmax of a half-precision model stays in float32: its sum runs over up to context_length terms.
        attention = ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)
        return ops.matmul(self.attention_dropout(attention, training=training), value), attention

    def _attend_in_strips(self, scaled, key, value, training):
        rate = self.attention_dropout.rate if training else 0
        draw = self.attention_dropout.draw() if rate else None
        return attend_in_strips(scaled, key, value, self.strip, draw, rate)

    def _split_heads(self, inputs, length):
        heads = ops.reshape(inputs, (-1, length, self.num_heads, inputs.shape[-1] // self.num_heads))
        return ops.transpose(heads, (0, 2, 1, 3))  # [B, T, D] -> [B, H, T, K]

    def compute_output_spec(
        self,
        inputs: Any,
        training: bool | None = None,
        return_attention: bool = False,
        return_projections: bool = False,
    ) -> Any:
        outputs = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not (return_attention or return_projections):
            return outputs
        batch, length, width = inputs.shape
        attention = keras.KerasTensor((batch, self.num_heads, length, length), dtype=self.compute_dtype)
        if not return_projections:
            return outputs, attention
        shape = (batch, self.num_heads, length, width // self.num_heads)
        return outputs, attention, *(keras.KerasTensor(shape, dtype=self.compute_dtype) for _ in range(3))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "output_init_stddev": self.output_init_stddev,
            "qkv_initializer": keras.initializers.serialize(self.qkv_initializer),
        }


@keras.saving.register_keras_serializable("tf_gpt2")
class MLP(keras.layers.Layer):
    """Position-wise feed-forward network [B, T, D] -> [B, T, F] -> [B, T, D] with the tanh form of GELU.

    The tanh form is the one of openai/gpt-2 (Hendrycks and Gimpel 2016, section 2), not the exact one.
    """

    def __init__(self, intermediate_dim: int, output_init_stddev: float = INIT_STDDEV, **kwargs: Any):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.output_init_stddev = output_init_stddev

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.input_kernel = self.add_weight(
            name="input_kernel", shape=(width, self.intermediate_dim), initializer=normal()
        )
        self.input_bias = self.add_weight(name="input_bias", shape=(self.intermediate_dim,), initializer="zeros")
        self.output_kernel = self.add_weight(
            name="output_kernel",
            shape=(self.intermediate_dim, width),
            initializer=normal(self.output_init_stddev),
        )
        self.output_bias = self.add_weight(name="output_bias", shape=(width,), initializer="zeros")
        self.built = True

    def call(self, inputs: Any) -> Any:
        hidden = ops.matmul(inputs, self.input_kernel) + self.input_bias  # [B, T, F]
        return ops.matmul(ops.gelu(hidden, approximate=True), self.output_kernel) + self.output_bias

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "output_init_stddev": self.output_init_stddev,
        }
