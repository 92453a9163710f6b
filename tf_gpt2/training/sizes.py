"""What serves a number of characters best on two CPU cores: a small table of presets, and how a run looks it up.

docs/notes/recipe.md says which of its places were measured and which follow from their neighbours.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING

from tf_gpt2.training import recipes
from tf_gpt2.training.effort import EVENING, QUICK, THOROUGH

if TYPE_CHECKING:
    from tf_gpt2.corpus.report import CorpusReport
    from tf_gpt2.training.options import TrainingOptions

_log = logging.getLogger(__name__)
# Half a novel, a novel, a shelf, the flagship's fourteen.
CHARACTERS = (300_000, 600_000, 3_000_000, 13_000_000)
PRESETS_BY_EFFORT = {
    QUICK: ("demo", "demo", "demo", "demo"),
    EVENING: ("evening", "evening", "evening", "evening"),
    THOROUGH: ("evening", "evening", "evening", "evening"),
}
# An effort that is not quick reads up to so many characters often enough to gain by the token after the next.
FEW_CHARACTERS = 1_300_000


def preset_for(characters: int, effort: str) -> str:
    """The preset of the table's nearest column, by the logarithm of the characters.

    Args:
        characters: Of all texts together, what is held out too.
        effort: One of `tf_gpt2.training.effort.EFFORTS`.
    """
    distances = [abs(math.log(max(1, characters) / column)) for column in CHARACTERS]
    return PRESETS_BY_EFFORT[effort][distances.index(min(distances))]


def fitted(asked: TrainingOptions, report: CorpusReport) -> TrainingOptions:
    """The options with what is left to the corpus's size: the preset, and what the token after the next counts."""
    effort = asked.effort or QUICK
    if asked.sized_by_corpus:
        preset = preset_for(report.characters, effort)
        _log.info(f"`preset`=auto: {preset} for {report.characters:,} characters and `effort`={effort}")
        asked = dataclasses.replace(asked, preset=preset)
    if asked.multi_token_share is None:
        alone = asked.init_from is None and asked.distill_from is None
        often = effort != QUICK and report.characters <= FEW_CHARACTERS
        share = recipes.MULTI_TOKEN_SHARE if alone and often else 0.0
        if share:
            _log.info(f"`multi_token_share`={share:g}: so few characters are read often, and give more that way")
        asked = dataclasses.replace(asked, multi_token_share=share)
    return asked
