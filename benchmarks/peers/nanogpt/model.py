"""The rival's GPT-2 in PyTorch.

Shapes: B sequences, T tokens, H heads, D width, V vocabulary.
"""

import dataclasses

import torch
from torch import nn
from torch.nn import functional

_DEVIATION = 0.02


@dataclasses.dataclass(frozen=True)
class Shape:
    """What fixes the tensors, and the share of activations dropped in training."""

    vocabulary_size: int
    context_length: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    dropout: float = 0.0


class Attention(nn.Module):
    """Causal self-attention; queries, keys and values in one product."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.heads, self.rate = shape.num_heads, shape.dropout
        self.entry = nn.Linear(shape.hidden_dim, 3 * shape.hidden_dim, bias=False)
        self.exit = nn.Linear(shape.hidden_dim, shape.hidden_dim, bias=False)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, x):  # [B, T, D]
        batch, length, width = x.shape
        parts = self.entry(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [B, H, T, D / H]
        rate = self.rate if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=rate, is_causal=True)
        return self.drop(self.exit(mixed.transpose(1, 2).reshape(batch, length, width)))


class Inner(nn.Module):
    """The two layers inside a block, four times as wide."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.entry = nn.Linear(shape.hidden_dim, 4 * shape.hidden_dim, bias=False)
        self.exit = nn.Linear(4 * shape.hidden_dim, shape.hidden_dim, bias=False)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, x):
        return self.drop(self.exit(functional.gelu(self.entry(x))))


class Block(nn.Module):
    """Attention and inner layers, each behind a norm and beside a residual."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.first_norm = nn.LayerNorm(shape.hidden_dim, bias=False)
        self.attention = Attention(shape)
        self.second_norm = nn.LayerNorm(shape.hidden_dim, bias=False)
        self.inner = Inner(shape)

    def forward(self, x):
        x = x + self.attention(self.first_norm(x))
        return x + self.inner(self.second_norm(x))


class Rival(nn.Module):
    """The model, from ids [B, T] to logits [B, T, V]."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.tokens = nn.Embedding(shape.vocabulary_size, shape.hidden_dim)
        self.positions = nn.Embedding(shape.context_length, shape.hidden_dim)
        self.drop = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.last_norm = nn.LayerNorm(shape.hidden_dim, bias=False)
        self._initialise()

    def _initialise(self):
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                ends_a_branch = name.endswith("exit.weight")
                layers = 2 * self.shape.num_layers if ends_a_branch else 1
                nn.init.normal_(parameter, std=_DEVIATION / layers**0.5)

    def forward(self, ids):
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.drop(self.tokens(ids) + self.positions(places))
        for block in self.blocks:
            x = block(x)
        return functional.linear(self.last_norm(x), self.tokens.weight)

    def num_parameters(self) -> int:
        """Trained scalars, the tied head once."""
        return sum(parameter.numel() for parameter in self.parameters())


def adamw(model: nn.Module, learning_rate: float, weight_decay: float, beta2: float) -> torch.optim.AdamW:
    """AdamW that decays whatever has two axes or more, and leaves the gains of norms alone."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, beta2), fused=True)
