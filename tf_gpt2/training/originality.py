"""Whether the model begins to recite: what it writes at each evaluation, beside the text that it learns from."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.evaluation.originality import CorpusIndex, baseline, corpus_index, measure

if TYPE_CHECKING:
    from tf_gpt2.generation import TextGenerator

log = logging.getLogger(__name__)
_PASSAGES, _NEW_TOKENS = 8, 100
# The index takes nine bytes a byte of text for a moment: longer texts are indexed only when stopping needs it.
_INDEXED_BYTES = 200_000_000
_FIGURES = ("copied_share", "longest_copied_run", "distinct_4", "repeated_share")


@dataclasses.dataclass(frozen=True)
class OriginalityProbe:
    """Has the model write passages and measures what is copied in them.

    Attributes:
        index: Of the training text.
        prompt: What the passages go on from; empty for the beginning of a document.
        seed: Fixes their draws, so that two steps differ by what was learned alone.
    """

    index: CorpusIndex
    prompt: str = ""
    seed: int = 0

    def __call__(self, model: TextGenerator) -> dict[str, float]:
        """Figures of eight passages that a model writes."""
        settings = model.settings(max_new_tokens=_NEW_TOKENS, num_samples=_PASSAGES, seed=self.seed % 2**32)
        figures = measure(self.index, [passage.text for passage in model.write([self.prompt], settings)])
        return {name: float(figures[name]) for name in _FIGURES}


def originality_probe(
    prepared: PreparedCorpus,
    *,
    prompt: str = "",
    seed: int = 0,
    wanted: bool = False,
) -> OriginalityProbe | None:
    """The probe of a run; None for a text that is elsewhere, or so long that it is only indexed when `wanted`.

    Raises:
        UserError: The cache cannot be written, or the text is longer than 2 GB.
    """
    if not prepared.has_texts:
        log.info(
            f"originality is not measured: the texts of {prepared.folder.name} are elsewhere; copy that folder to "
            "this machine for it"
        )
        return None
    if not wanted and prepared.text_bytes > _INDEXED_BYTES:
        return None
    index = corpus_index(prepared)
    share = baseline(index, prepared)
    if share is not None:
        log.info(
            f"of the held-out text {100 * share:.1f} % stand in runs of {index.least} "
            f"{'words' if index.alphabetic else 'characters'} or more of the training text: what the author repeats"
        )
    return OriginalityProbe(index, prompt, seed)
