"""How the next token is chosen, made visible: the likeliest before and after the settings, and the draw.

The rule is that of generation/sampling.py, which draws in the graph; tests hold both together.
"""

import dataclasses

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.inspection.trace import largest_first, log_normalizers


@dataclasses.dataclass(frozen=True)
class Choice:
    """A token that may come next.

    Attributes:
        text: What it shows as.
        id: Its id.
        probability: The model's own, before temperature, top-k and top-p.
        drawn_with: After these: how likely it is drawn; 0 when they cut it away.
        cumulated: `drawn_with` of this and all likelier tokens together. The token is drawn when the random number,
            in [0, 1), is below this and not below that of the one before.
    """

    text: str
    id: int
    probability: float
    drawn_with: float
    cumulated: float


@dataclasses.dataclass(frozen=True)
class Draw:
    """A drawn token.

    Attributes:
        id: Its id.
        place: Which of the sorted candidates it is, from 0.
        uniform: The random number, in [0, 1).
        start: Where its share of [0, 1) begins, the likelier ones' shares lying before it.
        end: Where it ends.
    """

    id: int
    place: int
    uniform: float
    start: float
    end: float


@dataclasses.dataclass(frozen=True)
class Distribution:
    """All tokens that may come next, likeliest first, equally likely ones by rising id.

    Attributes:
        ids: [V] int32.
        probabilities: The model's own [V].
        drawn_with: After temperature, top-k and top-p [V]; 0 for what they cut away.
        cumulated: Running sum of `drawn_with` [V]; its last one is 1.
    """

    ids: np.ndarray
    probabilities: np.ndarray
    drawn_with: np.ndarray
    cumulated: np.ndarray

    @property
    def num_kept(self) -> int:
        """How many tokens the settings leave to draw from."""
        return int(np.count_nonzero(self.drawn_with))

    def draw(self, uniform: float) -> Draw:
        """The token that a random number from [0, 1) draws.

        Raises:
            UserError: `uniform` is no such number.
        """
        if not 0 <= uniform < 1:
            raise UserError(f"`uniform` must be at least 0 and below 1; received {uniform!r}")
        place = min(int((self.cumulated <= uniform).sum()), self.num_kept - 1)
        start = float(self.cumulated[place - 1]) if place else 0.0
        return Draw(int(self.ids[place]), place, float(uniform), start, float(self.cumulated[place]))


def distribution(logits: np.ndarray, settings: GenerationSettings) -> Distribution:
    """What settings make of the logits of one position.

    Args:
        logits: [V] float32, finite.
        settings: Temperature, top-k and top-p are applied; penalties, which look at the text, are not.
    """
    ids = largest_first(logits[None], len(logits))[0]
    values = logits[ids].astype(np.float64)
    weights = np.exp((values - values[0]) / (settings.temperature or 1.0))
    weights[1 if settings.greedy else settings.top_k or len(weights) :] = 0
    before = np.cumsum(weights) - weights
    if settings.top_p < 1:  # the candidate that reaches p is the last one kept
        weights[before >= settings.top_p * weights.sum()] = 0
    cumulated = np.cumsum(weights)
    return Distribution(
        ids=ids,
        probabilities=np.exp(values - log_normalizers(logits)),
        drawn_with=weights / cumulated[-1],
        cumulated=cumulated / cumulated[-1],
    )
