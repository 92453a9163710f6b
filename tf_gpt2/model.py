"""GPT-2 as a Keras functional model (Radford et al. 2019; reference implementation openai/gpt-2, src/model.py).

    token_ids [B, T] ─ token_embedding ─ position_embedding ─ dropout
        └ num_layers × ( x + attention(norm(x)) ; x + mlp(norm(x)) )      pre-LayerNorm
        └ final_norm ─ logits [B, T, V], the token embedding transposed unless untied

Layer names are stable: the model directory's tensor names are derived from them (model_directory.py).
"""

import keras

from tf_gpt2.config import GPT2Config
from tf_gpt2.dropout import Dropout
from tf_gpt2.initializers import PreviousTokenHeads, residual_init_stddev
from tf_gpt2.layers import MLP, CausalSelfAttention, PositionEmbedding, TokenEmbedding


def build_model(config: GPT2Config, *, with_attention: bool = False, with_internals: bool = False) -> keras.Model:
    """Builds the functional model, freshly initialised.

    Args:
        config: The model's shape.
        with_attention: Adds the attention weights of every block as named outputs.
        with_internals: Adds these and all else that is computed on the way, L being `num_layers`:

            token_vectors [B, T, D]: the token embedding, before positions are added.
            hidden_0 to hidden_L [B, T, D]: the residual stream before each block, and after the last one.
            queries_i, keys_i, values_i [B, H, T, K]: the projections of block i, queries not scaled.
            normalized_i, attended_i, mlp_i [B, T, D]: block i's first norm, and what its two branches add.

    Returns:
        A model from token ids [B, T] (int32, T at most `context_length`) to float32 logits [B, T, V]; with
        `with_attention` or `with_internals`, to a dictionary {"logits": [B, T, V], "attention_0": [B, H, T, T],
        ...}.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    token_embedding = TokenEmbedding(config.vocabulary_size, config.hidden_dim, name="token_embedding")
    x = token_embedding(token_ids)
    inner = {"token_vectors": x}
    x = PositionEmbedding(config.context_length, name="position_embedding")(x)
    x = Dropout(config.dropout, name="embedding_dropout")(x)
    for index in range(config.num_layers):
        inner[f"hidden_{index}"] = x
        x, parts = _block(x, config, index, with_attention, with_internals)
        inner.update({f"{name}_{index}": part for name, part in parts.items()})
    inner[f"hidden_{config.num_layers}"] = x
    x = _layer_norm(config, "final_norm")(x)
    if config.tie_embeddings:
        logits = token_embedding(x, reverse=True)
    else:
        logits = keras.layers.Dense(config.vocabulary_size, use_bias=False, name="output_projection")(x)
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    if not with_internals:
        inner = {name: part for name, part in inner.items() if with_attention and name.startswith("attention_")}
    return keras.Model(token_ids, {"logits": logits, **inner} if inner else logits, name="gpt2")


def build_head(model: keras.Model, config: GPT2Config) -> keras.Model:
    """The last part of a model of `build_model`, with its layers: from any residual stream to logits.

    What it makes of the stream after an earlier block is the logit lens (nostalgebraist 2020, "interpreting GPT").

    Returns:
        A model from hidden states [B, T, D] before the final norm to float32 logits [B, T, V].
    """
    hidden = keras.Input((None, config.hidden_dim), name="hidden")
    x = model.get_layer("final_norm")(hidden)
    if config.tie_embeddings:
        logits = model.get_layer("token_embedding")(x, reverse=True)
    else:
        logits = model.get_layer("output_projection")(x)
    return keras.Model(hidden, model.get_layer("logits")(logits), name="head")


def _layer_norm(config, name):
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name=name)


def _block(x, config, index, with_attention, with_internals):
    """One pre-LayerNorm Transformer block: the new residual stream [B, T, D], and what was computed on the way."""
    stddev = residual_init_stddev(config.num_layers)
    name = f"block_{index}"
    attend = CausalSelfAttention(
        config.num_heads,
        dropout=config.dropout,
        output_init_stddev=stddev,
        qkv_initializer=None if index else PreviousTokenHeads(config.num_heads, config.context_length),
        name=f"{name}_attention",
    )
    normalized = _layer_norm(config, f"{name}_attention_norm")(x)
    results = attend(normalized, return_attention=with_attention, return_projections=with_internals)
    attended, *parts = results if isinstance(results, tuple) else (results,)
    inner = dict(zip(("attention", "queries", "keys", "values"), parts, strict=False))
    x = x + Dropout(config.dropout, name=f"{name}_attention_dropout")(attended)
    mlp = MLP(config.intermediate_dim, output_init_stddev=stddev, name=f"{name}_mlp")
    added = mlp(_layer_norm(config, f"{name}_mlp_norm")(x))
    x = x + Dropout(config.dropout, name=f"{name}_mlp_dropout")(added)
    return x, {**inner, "normalized": normalized, "attended": attended, "mlp": added}
