"""GPT-2 in NumPy, written from the papers: the oracle of the model tests.

Vaswani et al. 2017 (attention), Hendrycks and Gimpel 2016 (GELU, tanh form), Ba et al. 2016 (layer normalisation),
Radford et al. 2019, section 2.3 (norms before the branches and at the end). Float64 throughout.
T tokens, D width, H heads, K width of a head, V vocabulary.
"""

import numpy as np


def layer_norm(x, gain, bias, epsilon):  # [T, D] -> [T, D]
    centred = x - x.mean(-1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) + bias


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    exponential = np.exp(x - x.max(-1, keepdims=True))
    return exponential / exponential.sum(-1, keepdims=True)


def attention(x, weights, name, num_heads):  # [T, D] -> [T, D], [H, T, T], three of [H, T, K]
    query, key, value = np.split(x @ weights[f"{name}.c_attn.weight"] + weights[f"{name}.c_attn.bias"], 3, axis=-1)
    head_dim = x.shape[-1] // num_heads
    outputs, maps = [], []
    for head in range(num_heads):
        part = slice(head * head_dim, (head + 1) * head_dim)
        scores = query[:, part] @ key[:, part].T / np.sqrt(head_dim)  # [T, T]
        scores[np.triu_indices(len(x), 1)] = -np.inf
        maps.append(softmax(scores))
        outputs.append(maps[-1] @ value[:, part])  # [T, K]
    joined = np.concatenate(outputs, axis=-1)
    heads = (np.stack(np.split(whole, num_heads, axis=-1)) for whole in (query, key, value))
    return joined @ weights[f"{name}.c_proj.weight"] + weights[f"{name}.c_proj.bias"], np.stack(maps), *heads


def logits(weights, ids, config):
    """Logits [T, V] and attention weights [layers, H, T, T] of token ids [T]; weights by Hugging Face name."""
    computed = trace(weights, ids, config)
    return computed["logits"], computed["attention"]


def trace(weights, ids, config):
    """All that is computed on the way, by name; `lens` has logits after each layer [layers + 1, T, V]."""
    weights = {name: array.astype(np.float64) for name, array in weights.items()}
    x = weights["wte.weight"][ids] + weights["wpe.weight"][: len(ids)]  # [T, D]

    def norm(x, name):
        return layer_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"], config.layer_norm_epsilon)

    head = weights.get("lm_head.weight", weights["wte.weight"])
    hidden, lens, layers = [x], [norm(x, "ln_f") @ head.T], []
    for index in range(config.num_layers):
        block = f"h.{index}"
        branch, *parts = attention(norm(x, f"{block}.ln_1"), weights, f"{block}.attn", config.num_heads)
        layers.append(parts)
        x = x + branch
        inner = norm(x, f"{block}.ln_2") @ weights[f"{block}.mlp.c_fc.weight"] + weights[f"{block}.mlp.c_fc.bias"]
        x = x + gelu(inner) @ weights[f"{block}.mlp.c_proj.weight"] + weights[f"{block}.mlp.c_proj.bias"]
        hidden.append(x)
        lens.append(norm(x, "ln_f") @ head.T)
    names = ("attention", "queries", "keys", "values")
    stacked = dict(zip(names, map(np.stack, zip(*layers, strict=True)), strict=True))
    return {**stacked, "hidden": np.stack(hidden), "lens": np.stack(lens), "logits": lens[-1]}
