"""How the texts of tasks come together: what stands between two pieces of one, and the names of those without."""

from collections.abc import Sequence

import numpy as np

from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.reading_tasks import Texts
from tf_gpt2.data.sources import Source
from tf_gpt2.data.text_table import LENGTHS


def joint(size: int, found: Texts, characters: int, blank: bool, east_asian: bool) -> str:
    """What stands before a piece of a text that does not begin inside a line.

    Args:
        size: Bytes of the piece.
        found: What else is known of it.
        characters: Characters of its text so far.
        blank: Whether blank lines followed them.
        east_asian: Whether the text is cleaned as Chinese or Japanese.
    """
    if not size or not characters:
        return ""
    return "\n" if east_asian or not (blank or found.blank_before) else "\n\n"


def titles_of(found: Texts, stem: str, number: int) -> list[str]:
    """The titles of texts; those without one are named after their file, whose texts before were so many."""
    return [title or f"{stem} {number + own}" for title, own in zip(found.titles, found.numbers, strict=True)]


def rows_of_texts(
    sizes: Sequence[int], characters: Sequence[int], titles: Sequence[str], digests: Sequence[bytes]
) -> tuple[np.ndarray, bytes]:
    """Rows of `LENGTHS` [texts], and the titles in UTF-8, one after the other."""
    encoded = [title.encode("utf-8", "replace") for title in titles]
    rows = np.zeros(len(sizes), LENGTHS)
    rows["bytes"], rows["characters"], rows["title"] = sizes, characters, list(map(len, encoded))
    rows["digest"] = np.frombuffer(b"".join(digests), "V16")
    return rows, b"".join(encoded)


def empty(sources: Sequence[Source]) -> str:
    """What to say of a corpus without text."""
    others = " and the others are" if len(sources) > 1 else " is"
    return (
        f"`corpus` must hold some text: {shown(sources[0].path)}{others} empty after cleaning. Pass "
        "files with text."
    )
