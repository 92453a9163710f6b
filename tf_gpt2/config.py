"""Shape of a GPT-2 model and the named presets.

The four OpenAI shapes are those of Radford et al. 2019, Table 2, with the parameter counts of the released
checkpoints. `jinyong` is the 82 M character model of the seed articles; `demo` is sized for a few minutes on two
CPU cores (docs/notes/demo-preset.md says how it was chosen).
"""

import dataclasses
from typing import Any

from tf_gpt2.errors import UserError

# Upper bounds on what a config.json from a stranger may ask for, before any memory is taken. GPT-2 XL, the largest
# published GPT-2, stays below a twentieth of each.
MAX_VOCABULARY_SIZE = 2_000_000
MAX_CONTEXT_LENGTH = 1_048_576
MAX_LAYERS = 1_000
MAX_HIDDEN_DIM = 65_536


@dataclasses.dataclass(frozen=True)
class GPT2Config:
    """Everything that fixes the tensors of a GPT-2 and how they are combined.

    Attributes:
        vocabulary_size: Number of token ids, V.
        context_length: Longest sequence the learned positions reach, in tokens.
        num_layers: Number of Transformer blocks.
        num_heads: Attention heads a block; divides `hidden_dim`.
        hidden_dim: Width of the residual stream, D.
        intermediate_dim: Width inside the MLP; 4 * `hidden_dim` in every published GPT-2.
        dropout: Share of activations dropped in training, in [0, 1). One rate for embeddings, attention
            weights and residual branches, as in the published checkpoints.
        layer_norm_epsilon: Added to the variance in layer normalisation.
        tie_embeddings: Whether the output projection is the token embedding transposed.

    Raises:
        UserError: A field is out of range, or `num_heads` does not divide `hidden_dim`.
    """

    vocabulary_size: int
    context_length: int = 1024
    num_layers: int = 12
    num_heads: int = 12
    hidden_dim: int = 768
    intermediate_dim: int = 0
    dropout: float = 0.1
    layer_norm_epsilon: float = 1e-5
    tie_embeddings: bool = True

    def __post_init__(self):
        limits = {
            "vocabulary_size": MAX_VOCABULARY_SIZE,
            "context_length": MAX_CONTEXT_LENGTH,
            "num_layers": MAX_LAYERS,
            "num_heads": MAX_HIDDEN_DIM,
            "hidden_dim": MAX_HIDDEN_DIM,
        }
        for field, limit in limits.items():
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
                raise UserError(f"`{field}` must be an integer from 1 to {limit}; received {value!r:.60}")
        if self.hidden_dim % self.num_heads:
            raise UserError(
                f"`num_heads` must divide `hidden_dim`; received num_heads={self.num_heads} and "
                f"hidden_dim={self.hidden_dim}"
            )
        if self.intermediate_dim == 0:
            object.__setattr__(self, "intermediate_dim", 4 * self.hidden_dim)
        if not 1 <= self.intermediate_dim <= 8 * MAX_HIDDEN_DIM:
            raise UserError(
                f"`intermediate_dim` must be from 1 to {8 * MAX_HIDDEN_DIM}; received {self.intermediate_dim!r:.60}"
            )
        if not 0 <= self.dropout < 1:
            raise UserError(f"`dropout` must be at least 0 and below 1; received {self.dropout!r:.60}")
        if not 0 < self.layer_norm_epsilon < 1:
            raise UserError(
                f"`layer_norm_epsilon` must lie between 0 and 1; received {self.layer_norm_epsilon!r:.60}"
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_dim // self.num_heads

    @property
    def num_parameters(self) -> int:
        """Number of trained scalars, a tied output projection counted once."""
        width, inner = self.hidden_dim, self.intermediate_dim
        block = 4 * width * width + 2 * width * inner + 9 * width + inner
        embeddings = (self.vocabulary_size * (1 if self.tie_embeddings else 2) + self.context_length) * width
        return embeddings + self.num_layers * block + 2 * width

    @property
    def flops_per_token(self) -> int:
        """Multiply-adds, counted as two, of one forward pass for one token of a full context.

        Matrix products only, causal attention counted in full (Kaplan et al. 2020, Table 1). A training step
        costs three times as much.
        """
        width, inner = self.hidden_dim, self.intermediate_dim
        block = 4 * width * width + 2 * width * inner + 2 * self.context_length * width
        return 2 * (self.num_layers * block + self.vocabulary_size * width)


def _shape(num_layers, hidden_dim, num_heads, context_length=1024, dropout=0.1):
    return {
        "num_layers": num_layers,
        "hidden_dim": hidden_dim,
        "num_heads": num_heads,
        "context_length": context_length,
        "dropout": dropout,
    }


PRESETS = {
    "demo": _shape(3, 192, 3, context_length=64, dropout=0.0),
    "evening": _shape(4, 256, 4, context_length=64, dropout=0.0),
    "jinyong": _shape(10, 768, 12),
    "gpt2": _shape(12, 768, 12),
    "gpt2-medium": _shape(24, 1024, 16),
    "gpt2-large": _shape(36, 1280, 20),
    "gpt2-xl": _shape(48, 1600, 25),
}


def preset_config(name: str, vocabulary_size: int, **overrides: Any) -> GPT2Config:
    """Returns the configuration of preset `name` for a vocabulary, with fields of `overrides` replaced.

    Raises:
        UserError: There is no preset of that name, or a value is out of range.
    """
    if name not in PRESETS:
        raise UserError(f"`preset` must be one of {', '.join(PRESETS)}; received {name!r}")
    return GPT2Config(vocabulary_size=vocabulary_size, **{**PRESETS[name], **overrides})
