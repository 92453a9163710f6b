"""Passages that a model writes for a trial, and how they are judged: by one rule for every rival."""

import argparse
import collections
import json
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.workers import run_command
from tf_gpt2.corpus.script import WORD
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.evaluation.originality import corpus_index, measure

PASSAGES, PASSAGE_TOKENS, SEED = 20, 200, 0
_AT_A_TIME = 10
_TIMES = 3  # that the book has a pair of characters which counts as a word, or a part of one
KEPT = ("copied_share", "longest_copied_run", "distinct_4", "repeated_share")


def main(argv=None):
    """Writes passages with a model directory; stdout ends in a JSON list of texts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run_dir", required=True)
    print(json.dumps(written(parser.parse_args(argv).run_dir), ensure_ascii=False))


def of_run(run_dir: pathlib.Path) -> list[str]:
    """What the model of a run writes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.trials.passages", f"--run_dir={run_dir.resolve()}"]
    return json.loads(run_command(command).splitlines()[-1])


def written(run_dir: str) -> list[str]:
    """What a model writes from the beginning of a document, its own end of text passed over."""
    from tf_gpt2.generation import load

    model = load(run_dir)
    texts: list[str] = []
    for first in range(0, PASSAGES, _AT_A_TIME):
        settings = model.settings(
            max_new_tokens=PASSAGE_TOKENS, num_samples=_AT_A_TIME, seed=SEED + first, stop_at_end_of_text=False
        )
        texts += [passage.text for passage in model.write([""], settings)]
    return texts


def judged(prepared: PreparedCorpus, texts: Sequence[str]) -> dict[str, Any]:
    """Copied share, longest copied run, distinct and repeated 4-grams, share of characters in words of the book."""
    index = corpus_index(prepared)
    figures = measure(index, texts)
    book = (text for _, text in prepared.training_texts())
    return {
        **{name: figures[name] for name in KEPT},
        "in_words_share": in_words_share(book, texts, alphabetic=index.alphabetic),
    }


def in_words_share(book: Iterable[str], texts: Sequence[str], *, alphabetic: bool) -> float:
    """The share of letters that stand in words of a book.

    Of an alphabet: of all words, in characters, those that the book has. Elsewhere words are not divided: the
    characters in a pair that the book has three times or more.
    """
    if alphabetic:
        known = {word for text in book for word in WORD.findall(text.lower())}
        words = [word for text in texts for word in WORD.findall(text.lower())]
        return sum(len(word) for word in words if word in known) / max(1, sum(map(len, words)))
    counts = collections.Counter(pair for text in book for pair in _pairs(text))
    inside = sum(_characters_in_pairs(text, counts) for text in texts)
    return inside / max(1, sum(_is_letter(letter) for text in texts for letter in text))


def _pairs(text: str) -> Iterable[str]:
    return (a + b for a, b in zip(text, text[1:], strict=False) if _is_letter(a) and _is_letter(b))


def _is_letter(character: str) -> bool:
    return character.isalnum()


def _characters_in_pairs(text: str, counts: collections.Counter) -> int:
    inside = [False] * len(text)
    for place in range(len(text) - 1):
        if counts[text[place : place + 2]] >= _TIMES:
            inside[place] = inside[place + 1] = True
    return sum(inside)


if __name__ == "__main__":
    main()
