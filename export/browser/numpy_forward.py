"""GPT-2's forward pass in NumPy, with every matrix product in the caller's hands.

Rounding weights, and measuring what that costs, need what each matrix is multiplied by. Weights are looked up one
by one as the pass comes to them, so a large model's need not all be in memory.

Shapes: B windows, T tokens, D width, H heads, K width of a head, V vocabulary.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.formats.weights import HEAD, TABLE, is_block_matrix

# A product of activations [.., in] with the matrix [in, out] of a name.
Product = Callable[[str, np.ndarray], np.ndarray]


def product_matrix(weights: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The matrix of `name` as [in, out]: a table and a head are stored the other way round."""
    return weights[name] if is_block_matrix(name) else weights[name].T


def forward(config: GPT2Config, weights: Mapping[str, np.ndarray], ids: np.ndarray, product: Product) -> np.ndarray:
    """Logits [B, T, V] after each of `ids` [B, T], in float32.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name; of the matrices only the token table is looked at.
        ids: Token ids.
        product: Is asked for every product in turn, by the matrix's name.
    """

    def linear(x, name):
        return product(f"{name}.weight", x) + weights[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(config.layer_norm_epsilon))
        return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    batch, length = ids.shape
    x = weights[TABLE][ids] + weights["wpe.weight"][:length]  # [B, T, D]
    for index in range(config.num_layers):
        block = f"h.{index}"
        qkv = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn").reshape(
            batch, length, 3, config.num_heads, -1
        )
        x = x + linear(_attend(*qkv.transpose(2, 0, 3, 1, 4)), f"{block}.attn.c_proj")
        inner = linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        x = x + linear(_gelu(inner), f"{block}.mlp.c_proj")
    return product(TABLE if config.tie_embeddings else HEAD, norm(x, "ln_f"))


def _attend(query, key, value):  # [B, H, T, K] each -> [B, T, D]
    batch, heads, length, depth = query.shape
    scores = query @ key.swapaxes(2, 3) * np.float32(depth**-0.5)
    scores = np.where(np.tri(length, dtype=bool), scores, np.float32(-np.inf))
    attention = np.exp(scores - scores.max(-1, keepdims=True))
    attention /= attention.sum(-1, keepdims=True)
    return (attention @ value).swapaxes(1, 2).reshape(batch, length, heads * depth)


def _gelu(x):
    """GELU's tanh form (Hendrycks and Gimpel 2016)."""
    slope = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(slope))
