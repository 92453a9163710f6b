"""How a step spares memory; every form of it gives the same losses and gradients, up to rounding.

Plain values, no TensorFlow.
"""

import dataclasses

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError

# Below so many numbers, 256 MB of float32, what the plain form keeps is not worth another form.
_MUCH = 1 << 26
_STRIP = 256
_LOGITS_OF_A_CHUNK = 1 << 25
_LEAST_CHUNK = 64
REMAT = ("none", "blocks", "full")


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
