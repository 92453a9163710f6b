"""Samples good and bad, chosen by rule from what a model writes with fixed seeds; nobody picks them."""

import dataclasses
from collections.abc import Sequence

from benchmarks.trials.passages import in_words_share
from tf_gpt2.corpus.script import WORD
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.evaluation.originality import corpus_index, measure

RULE = (
    "Samples are chosen by rule: twenty passages are written from the beginning of a text at the usual settings, "
    "with fixed seeds. The score of each is the share of its letters in words of the books (in Chinese: in pairs "
    "of characters that the books have three times) times its share of distinct 4-grams. Good is the highest among "
    "those with at most a tenth copied, typical the middle, bad the lowest; the most copied is there if any is."
)
_MOST_COPIED = 0.1
SHOWN_CHARACTERS, SHOWN_WORDS = 120, 60


@dataclasses.dataclass(frozen=True)
class Sample:
    """A passage and its figures."""

    text: str
    score: float
    copied_share: float
    longest_copied_run: int


def judged_samples(prepared: PreparedCorpus, texts: Sequence[str]) -> list[Sample]:
    """Each passage with its figures, in order."""
    index = corpus_index(prepared)
    book = [text for _, text in prepared.training_texts()]
    samples = []
    for text in texts:
        figures = measure(index, [text])
        words = in_words_share(book, [text], alphabetic=index.alphabetic)
        score = words * figures["distinct_4"]
        samples.append(Sample(text, score, figures["copied_share"], figures["longest_copied_run"]))
    return samples


def chosen(samples: Sequence[Sample]) -> dict[str, Sample]:
    """Samples by what they are shown for: "good", "typical", "bad", and "most copied" where something is."""
    ordered = sorted(samples, key=lambda sample: sample.score)
    original = [sample for sample in ordered if sample.copied_share <= _MOST_COPIED] or ordered
    found = {"good": original[-1], "typical": ordered[len(ordered) // 2], "bad": ordered[0]}
    copied = max(samples, key=lambda sample: (sample.copied_share, sample.longest_copied_run))
    return found | ({"most copied": copied} if copied.copied_share else {})


def beginning(text: str) -> str:
    """As much of a passage as a page shows, on one line."""
    words = list(WORD.finditer(text))
    spaced = text.count(" ") > len(text) / 20
    end = words[SHOWN_WORDS - 1].end() if spaced and len(words) > SHOWN_WORDS else SHOWN_CHARACTERS
    end = end if spaced else SHOWN_CHARACTERS
    return " ".join(text[:end].split()) + ("…" if len(text) > end else "")
