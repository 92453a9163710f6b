"""GPT-2 as a Keras functional model (Radford et al. 2019; reference implementation openai/gpt-2, src/model.py).

    token_ids [B, T] ─ token_embedding ─ position_embedding ─ dropout
        └ num_layers × ( x + attention(norm(x)) ; x + mlp(norm(x)) )      pre-LayerNorm
        └ final_norm ─ logits [B, T, V], the token embedding transposed unless untied

Layer names are stable: the model directory's tensor names are derived from them (model_directory.py).
"""

import keras

from tf_gpt2.config import GPT2Config
from tf_gpt2.dropout import Dropout
from tf_gpt2.layers import MLP, CausalSelfAttention, PositionEmbedding, TokenEmbedding, residual_init_stddev


def build_model(config: GPT2Config, *, with_attention: bool = False) -> keras.Model:
    """Builds the functional model, freshly initialised.

    Args:
        config: The model's shape.
        with_attention: Adds the attention weights of every block as named outputs.

    Returns:
        A model from token ids [B, T] (int32, T at most `context_length`) to float32 logits [B, T, V]; with
        `with_attention`, to a dictionary {"logits": [B, T, V], "attention_0": [B, H, T, T], ...}.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    token_embedding = TokenEmbedding(config.vocabulary_size, config.hidden_dim, name="token_embedding")
    x = token_embedding(token_ids)
    x = PositionEmbedding(config.context_length, name="position_embedding")(x)
    x = Dropout(config.dropout, name="embedding_dropout")(x)
    outputs = {}
    for index in range(config.num_layers):
        x, attention = _block(x, config, index, with_attention)
        if with_attention:
            outputs[f"attention_{index}"] = attention
    x = _layer_norm(config, "final_norm")(x)
    if config.tie_embeddings:
        logits = token_embedding(x, reverse=True)
    else:
        logits = keras.layers.Dense(config.vocabulary_size, use_bias=False, name="output_projection")(x)
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    return keras.Model(token_ids, {"logits": logits, **outputs} if with_attention else logits, name="gpt2")


def _layer_norm(config, name):
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name=name)


def _block(x, config, index, with_attention):
    """One pre-LayerNorm Transformer block; returns the new residual stream [B, T, D] and the attention weights."""
    stddev = residual_init_stddev(config.num_layers)
    name = f"block_{index}"
    attend = CausalSelfAttention(
        config.num_heads, dropout=config.dropout, output_init_stddev=stddev, name=f"{name}_attention"
    )
    branch = attend(_layer_norm(config, f"{name}_attention_norm")(x), return_attention=with_attention)
    branch, attention = branch if with_attention else (branch, None)
    x = x + Dropout(config.dropout, name=f"{name}_attention_dropout")(branch)
    mlp = MLP(config.intermediate_dim, output_init_stddev=stddev, name=f"{name}_mlp")
    branch = mlp(_layer_norm(config, f"{name}_mlp_norm")(x))
    return x + Dropout(config.dropout, name=f"{name}_mlp_dropout")(branch), attention
