"""How much of a text is copied from the corpus that a model was trained on, and how much it repeats itself.

A copied run is a longest run of a text that stands verbatim in the training text, long enough that no two people
would write it by chance: 20 characters, in alphabets 8 words. How much an author repeats himself is the baseline:
the same measure of his held-out text against the same training text.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tf_gpt2.corpus.script import WORD, is_alphabetic
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.evaluation.text_index import SEPARATOR, TextIndex, build_index
from tf_gpt2.files import read_json, replacing_folder

LEAST_CHARACTERS, LEAST_WORDS = 20, 8
DISTINCT = 4  # the n of distinct-n (Li et al. 2016, "A Diversity-Promoting Objective Function", section 5.1)
INDEX_FOLDER = "copies"
_DESCRIPTION_FILE = "index.json"
_BASELINE_CHARACTERS = 200_000


@dataclasses.dataclass(frozen=True)
class CopiedRun:
    """A run of a text that stands in the training text, and in no longer one.

    Attributes:
        begin: Its first character in the text.
        length: Its characters.
        book: Title of the book where it stands; of several places, that whose text comes first by code points.
        offset: Its first character there, as cleaned.
        before: What comes before it in the book.
        after: What comes after it.
    """

    begin: int
    length: int
    book: str
    offset: int
    before: str = ""
    after: str = ""


class CorpusIndex:
    """Finds what a text has copied from a corpus.

    Args:
        index: The texts.
        titles: Title of each.
        starts: First byte of each in the index's text, ascending, and the end of the last.
        alphabetic: Whether runs are measured in words.
        words: The words of the corpus, for alphabets.
    """

    def __init__(
        self,
        index: TextIndex,
        titles: Sequence[str],
        starts: Sequence[int],
        alphabetic: bool,
        words: frozenset[str],
    ):
        self.index = index
        self.alphabetic = alphabetic
        self.words = words
        self._titles, self._starts = titles, np.array(starts, np.int64)

    @property
    def titles(self) -> Sequence[str]:
        """Titles of the texts, in order."""
        return self._titles

    @property
    def starts(self) -> np.ndarray:
        """First byte of each text in the index's text, and the end of the last: int64 [titles + 1]."""
        return self._starts

    @property
    def least(self) -> int:
        """Units (characters, or words in alphabets) that make a run a copy."""
        return LEAST_WORDS if self.alphabetic else LEAST_CHARACTERS

    def copied_runs(self, text: str, least: int | None = None) -> list[CopiedRun]:
        """The longest runs of `text` that stand in the corpus, in order; they may overlap.

        Args:
            text: Any text.
            least: Characters, in alphabets words, that a run has at least.
        """
        least = self.least if least is None else least
        lengths = self.index.longest_matches(text)
        ends = np.arange(len(text)) + lengths.lengths
        # A run that ends where the one before it does is a part of it.
        maximal = ends > np.concatenate([[0], np.maximum.accumulate(ends)[:-1]]) if len(text) else ends > 0
        maximal &= self._units(text, ends) >= least
        return [self._run(text, i, int(ends[i])) for i in np.flatnonzero(maximal).tolist()]

    def _units(self, text, ends) -> np.ndarray:
        begins = np.arange(len(text))
        if not self.alphabetic:
            return ends - begins
        words = [match.span() for match in WORD.finditer(text)]
        firsts, lasts = np.array([w[0] for w in words], np.int64), np.array([w[1] for w in words], np.int64)
        whole = np.searchsorted(lasts, ends, "right") - np.searchsorted(firsts, begins)
        return np.maximum(0, whole)

    def _run(self, text, begin, end) -> CopiedRun:
        run = text[begin:end].encode("utf-8", "replace")
        place, size = self.index.first_place(run), len(run)
        at = int(np.searchsorted(self._starts, place, "right")) - 1
        first = int(self._starts[at])
        before = self.index.bytes_at(first, place).decode("utf-8", "replace")
        end_of_book = int(self._starts[at + 1]) - 1
        after = self.index.bytes_at(place + size, min(end_of_book, place + size + 200)).decode("utf-8", "ignore")
        return CopiedRun(begin, end - begin, self._titles[at], len(before), before[-40:], after[:40])


def corpus_index(prepared: PreparedCorpus) -> CorpusIndex:
    """The index of a prepared corpus's training text, made on first use and kept beside it.

    Raises:
        UserError: The cache cannot be written, or the text is longer than 2 GB.
    """
    folder = prepared.folder / INDEX_FOLDER
    found = _open(folder)
    if found is None:
        with replacing_folder(
            folder, complete=lambda f: _open(f) is not None, remedy="make room in the cache"
        ) as new:
            _build(new, prepared.training_texts())
        found = _open(folder)
    assert found is not None  # just written
    return found


def _build(folder: pathlib.Path, texts: Iterable[tuple[str, str]]) -> None:
    titles: list[str] = []
    starts = [0]
    words: set[str] = set()
    alphabetic: bool | None = None

    def described() -> Iterator[str]:
        nonlocal alphabetic
        for title, text in texts:
            if alphabetic is None:
                alphabetic = is_alphabetic(text)
            if alphabetic:
                words.update(WORD.findall(text.lower()))
            text = text.replace(SEPARATOR.decode(), "")
            if not text:
                continue
            titles.append(title)
            starts.append(starts[-1] + len(text.encode("utf-8", "replace")) + 1)
            yield text

    build_index(folder, described())
    description = {
        "titles": titles,
        "starts": starts,
        "characters": len(TextIndex.open(folder)),
        "alphabetic": bool(alphabetic),
        "words": sorted(words),
    }
    (folder / _DESCRIPTION_FILE).write_text(json.dumps(description, ensure_ascii=False), "utf-8")


def _open(folder: pathlib.Path) -> CorpusIndex | None:
    from tf_gpt2.schemas import CopiesIndex

    try:
        stored = CopiesIndex.model_validate(read_json(folder / _DESCRIPTION_FILE, remedy="it is made again"))
        index = TextIndex.open(folder)
        if (index.num_bytes, len(index)) != (stored.starts[-1], stored.characters):
            return None
    except (OSError, ValueError):  # pydantic's error, and a user's, are ValueErrors
        return None
    return CorpusIndex(index, stored.titles, stored.starts, stored.alphabetic, frozenset(stored.words))


def measure(index: CorpusIndex, texts: Sequence[str], least: int | None = None) -> dict[str, Any]:
    """Originality of texts: the figures of `python -m tf_gpt2.originality`, runs included.

    Args:
        index: Of the corpus that the model was trained on.
        texts: What it wrote; each is measured for itself.
        least: Characters, in alphabets words, that make a run a copy.
    """
    wanted = index.least if least is None else least
    runs = [(number, run) for number, text in enumerate(texts) for run in index.copied_runs(text, wanted)]
    characters = sum(map(len, texts))
    grams = [text[i : i + DISTINCT] for text in texts for i in range(len(text) - DISTINCT + 1)]
    return {
        "texts": len(texts),
        "characters": characters,
        "longest_copied_run": max((run.length for _, run in runs), default=0),
        "copied_share": _covered(texts, runs) / max(1, characters),
        f"distinct_{DISTINCT}": len(set(grams)) / max(1, len(grams)),
        "repeated_share": sum(_repeated(text, wanted, index.alphabetic) for text in texts) / max(1, characters),
        **_unknown(index, texts),
        "runs": [
            {"text": number, **dataclasses.asdict(run)}
            for number, run in sorted(runs, key=lambda found: -found[1].length)
        ],
    }


def sentence(figures: dict[str, Any]) -> str:
    """The figures of `measure` in one line."""
    longest = figures["runs"][0] if figures["runs"] else None
    where = f", the longest of {longest['length']} characters from {longest['book']}" if longest else ""
    return f"originality: {100 * figures['copied_share']:.1f} % in copied runs{where}"


def baseline(index: CorpusIndex, prepared: PreparedCorpus, least: int | None = None) -> float | None:
    """The share of held-out text that stands in the training text; None when nothing is held out."""
    texts, left = [], _BASELINE_CHARACTERS
    for _, text in prepared.held_out_texts():
        texts.append(text[:left])
        left -= len(texts[-1])
        if not left:
            break
    runs = [(number, run) for number, text in enumerate(texts) for run in index.copied_runs(text, least)]
    return _covered(texts, runs) / sum(map(len, texts)) if texts else None


def _covered(texts, runs) -> int:
    covered = [np.zeros(len(text), bool) for text in texts]
    for number, run in runs:
        covered[number][run.begin : run.begin + run.length] = True
    return sum(int(part.sum()) for part in covered)


def _repeated(text: str, least: int, alphabetic: bool) -> int:
    """Characters in runs of at least `least` characters or words that stand earlier in the same text."""
    units = (
        [match.span() for match in WORD.finditer(text)] if alphabetic else [(i, i + 1) for i in range(len(text))]
    )
    seen: set[str] = set()
    repeated = np.zeros(len(text), bool)
    for first, last in zip(units, units[least - 1 :], strict=False):
        piece = text[first[0] : last[1]]
        if piece in seen:
            repeated[first[0] : last[1]] = True
        seen.add(piece)
    return int(repeated.sum())


def _unknown(index: CorpusIndex, texts: Sequence[str]) -> dict[str, float]:
    """Share of words, or of pairs of characters where words are not divided, that the corpus has not."""
    if index.alphabetic:
        words = [word for text in texts for word in WORD.findall(text.lower())]
        return {"new_words_share": sum(word not in index.words for word in words) / max(1, len(words))}
    pairs = [index.index.longest_matches(text).lengths[:-1] < 2 for text in texts if len(text) > 1]
    return {"new_pairs_share": sum(int(p.sum()) for p in pairs) / max(1, sum(map(len, pairs)))}
