"""The books that recipes are tried on, and how both rivals are given the same tokens of them."""

import dataclasses
import pathlib

from tf_gpt2.config import PRESETS
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.training.options import TrainingOptions


@dataclasses.dataclass(frozen=True)
class Books:
    """A corpus and the shape that is trained on it.

    Attributes:
        title: For a table.
        place: The option of the command that names its files; empty for the sample corpus.
        preset: Shape of both rivals' models.
        steps: Of the rival's training, to whose final loss ours is compared.
        batch_size: Sequences a step, of both.
        reading: Options of `tf_gpt2.train` that decide tokens and split.
    """

    title: str
    place: str
    preset: str
    steps: int
    batch_size: int = 16
    reading: dict = dataclasses.field(default_factory=dict)


BOOKS = {
    # The split of the figures in shared records of before: nothing held out for a test.
    "check": Books("Three Kingdoms, 5 % held out", "", "demo", 2246, reading={"test_fraction": 0.0}),
    "sample": Books("Three Kingdoms", "", "demo", 2246),
    "classics": Books("four classics", "classics", "evening", 1500),
    "pride": Books("Pride and Prejudice", "pride", "demo", 1000, reading={"tokenizer": "bpe", "vocab_size": 4096}),
}


def missing_of(name: str, places: dict[str, pathlib.Path | None]) -> str | None:
    """Why nothing can be tried on a corpus here; None where everything is there."""
    books = BOOKS[name]
    if books.preset not in PRESETS:
        return f"this checkout has no preset {books.preset}"
    if books.place and places.get(books.place) is None:
        return f"--{books.place} names its files, and is not given"
    return None


def files_of(name: str, places: dict[str, pathlib.Path | None]) -> list[str]:
    """What `--corpus` is given; nothing for the sample corpus."""
    place = places.get(BOOKS[name].place)
    return [str(place)] if BOOKS[name].place and place is not None else []


def prepared_of(name: str, places: dict[str, pathlib.Path | None]) -> PreparedCorpus:
    """The tokens that both rivals learn from, as the product's command would prepare them."""
    asked = TrainingOptions(**BOOKS[name].reading)
    held = {"validation_fraction": asked.validation_fraction, "test_fraction": asked.test_fraction}
    return prepare_corpus(files_of(name, places) or None, **asked.vocabulary, **held)
