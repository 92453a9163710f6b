"""Lines that part the texts of one file, as gpt-2-simple and others write them."""

import re
from collections.abc import Iterator

from tf_gpt2.errors import UserError

MARKERS = ("<|endoftext|>", "<|startoftext|>")
_MARKERS = re.compile("|".join(map(re.escape, MARKERS)))


def check_separator(separator: str | None) -> None:
    """Refuses a separator that no line can be, before any work is done."""
    if separator is not None and (not separator.strip() or "\n" in separator):
        raise UserError(
            f"`separator` must be one line with a visible character, got {separator[:80]!r}. {MARKERS[0]} is usual."
        )


def split_texts(text: str, separator: str) -> Iterator[str]:
    """The texts between lines that are equal to `separator`, blank ones left out.

    The marks of a text's beginning and end are borders wherever they stand, either of them for both: a text may
    begin on the line of its mark, and files have them in pairs.
    """
    if separator.strip() in MARKERS:
        parts = _MARKERS.split(text)
    else:
        parts = re.split(rf"^[^\S\n]*{re.escape(separator.strip())}[^\S\n]*$", text, flags=re.MULTILINE)
    yield from filter(str.strip, parts)


def count_marked_lines(text: str) -> int:
    """Lines that hold a mark of a text's beginning or end, which a model would learn as letters."""
    if "<|" not in text:
        return 0
    return sum(_MARKERS.search(line) is not None for line in text.split("\n"))
