"""How a step spares memory; every form of it gives the same losses and gradients, up to rounding.

Plain values, no TensorFlow.
"""

import dataclasses
import math
from collections.abc import Callable

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError

# Below so many numbers, 256 MB of float32, what the plain form keeps is not worth another form.
_MUCH = 1 << 26
_STRIP = 256
_LOGITS_OF_A_CHUNK = 1 << 25
_LEAST_CHUNK = 64
REMAT = ("none", "blocks", "full")
# Fitted to XLA's own account of gpt2's step (docs/notes/memory.md): what a block keeps for its gradient, in vectors
# of the model's width a token; copies of the attention weights and of the logits where they are kept, and of a
# strip's and a chunk's where they are not.
_VECTORS_OF_A_BLOCK = 27
_COPIES_OF_WEIGHTS, _COPIES_OF_LOGITS, _COPIES_OF_A_PIECE = 1.56, 1.8, 3
_FLOAT, _HALF = 4, 0.6  # bytes; what bfloat16 and float16 leave of what is kept
# The share of the memory that a step may take.
_USABLE = 0.9


@dataclasses.dataclass(frozen=True)
class Sparing:
    """What of a step is computed in pieces or twice, so that it need not be kept.

    Attributes:
        strip: Queries that attention is computed for at once (tf_gpt2/attention.py); 0 for all.
        chunk: Tokens that logits are computed for at once (head_loss.py); 0 for all.
        remat: What is computed again for the gradient: "none"; "blocks", each block from its input; "full", also
            the inputs of all but about the square root of the blocks.

    Raises:
        UserError: A value is out of range.
    """

    strip: int = 0
    chunk: int = 0
    remat: str = REMAT[0]

    def __post_init__(self):
        if self.strip < 0 or self.chunk < 0:
            raise UserError(f"`strip` and `chunk` must be at least 0; received {self.strip} and {self.chunk}")
        if self.remat not in REMAT:
            raise UserError(f"`remat` must be one of {', '.join(REMAT)}; received {self.remat!r}")


PLAIN = Sparing()


def plan_sparing(config: GPT2Config, rows: int, window: int, remat: str = REMAT[0]) -> Sparing:
    """The form of a step that computes `rows` windows of `window` tokens at once: plain where that takes little.

    Attention in strips and logits in chunks cost no time where they spare much (docs/notes/memory.md), so only the
    sizes decide.
    """
    weights = config.num_layers * rows * config.num_heads * window * window
    logits = rows * window * config.vocabulary_size
    chunk = max(_LEAST_CHUNK, 1 << (_LOGITS_OF_A_CHUNK // config.vocabulary_size).bit_length() - 1)
    return Sparing(
        strip=_STRIP if weights > _MUCH and window > _STRIP else 0,
        chunk=chunk if logits > _MUCH else 0,
        remat=remat,
    )


def state_bytes(config: GPT2Config, optimizer: str, *, average: bool = False) -> int:
    """Bytes of weights, optimizer and, where there is one, the average of the weights.

    Adam has two moments a weight, Muon one in the blocks' matrices.
    """
    matrices = config.num_layers * config.hidden_dim * (4 * config.hidden_dim + 2 * config.intermediate_dim)
    return _FLOAT * ((4 if average else 3) * config.num_parameters - (matrices if optimizer == "muon" else 0))


def estimated_bytes(config: GPT2Config, rows: int, window: int, sparing: Sparing, *, half: bool = False) -> int:
    """About what a step keeps beside weights, gradients and the optimizer: within a fifth of XLA's account.

    Args:
        config: The model's shape.
        rows: Windows that are computed at once.
        window: Their tokens.
        sparing: The form of the step.
        half: Whether layers multiply in 16 bits.
    """
    tokens, width = rows * window, config.hidden_dim
    inputs = {"none": 0, "blocks": config.num_layers, "full": 2 * math.isqrt(config.num_layers)}[sparing.remat]
    kept_blocks = config.num_layers if sparing.remat == "none" else 1
    attention = kept_blocks * _COPIES_OF_WEIGHTS * rows * config.num_heads * window * window
    if sparing.strip:
        attention = _COPIES_OF_A_PIECE * rows * config.num_heads * sparing.strip * window
    logits = _COPIES_OF_LOGITS * tokens * config.vocabulary_size
    if sparing.chunk:
        logits = _COPIES_OF_A_PIECE * sparing.chunk * config.vocabulary_size
    kept = tokens * width * (inputs + kept_blocks * _VECTORS_OF_A_BLOCK) + attention
    return round(_FLOAT * (kept * (_HALF if half else 1) + logits))


def fitting_parts(batch_size: int, least: int, needed: Callable[[int, int], int], memory: int | None) -> int:
    """Parts to compute a batch in: the fewest that fit, at least `least`; of one sequence each where none does.

    Args:
        batch_size: Sequences of a batch.
        least: The fewest parts that are wanted.
        needed: Bytes of a step by its parts and the sequences of each.
        memory: Bytes of the device; None where that is not known, and `least` parts are taken.
    """
    if memory is None:
        return least
    divisors = [parts for parts in range(least, batch_size + 1) if batch_size % parts == 0]
    fit = (parts for parts in divisors if needed(parts, batch_size // parts) <= _USABLE * memory)
    return next(fit, divisors[-1])
