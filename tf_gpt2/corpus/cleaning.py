"""Takes the debris of the web out of a text and leaves the words.

The normal form: lines end in one line feed, no line begins or ends with white space, white space
inside a line is one plain space (full-width indentation and stray tabs go), control and invisible
characters are gone. In Chinese and Japanese text a line is a paragraph, so paragraphs are separated
by exactly one line feed. In other scripts lines are often wrapped and a blank line is what
separates paragraphs, so a run of blank lines becomes one.
"""

import functools
import re
from typing import NamedTuple

import numpy as np

# Controls that str.splitlines and str.split do not already treat as white space, and characters
# without a shape of their own: zero-width space, directional marks, word joiner, soft hyphen, byte
# order mark, interlinear marks, noncharacters. The two joiners U+200C and U+200D have a meaning in
# Persian, Indic scripts and emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff]+"
)
# After these a joiner joins nothing.
_STRAY_JOINER = re.compile("(?:(?<=[\x20-\x7e\u3000-\u9fff\uff00-\uffef])|^)[\u200c\u200d]+", re.MULTILINE)
_SURROGATES = re.compile("[\ud800-\udfff]+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LETTER_SAMPLE = 100_000
_BEYOND = 0x10000
_LONG = 10_000  # characters from which a look at the whole costs less than taking out what is not there
# What a text of one line must have nothing of to be clean as it is: most sentences, tweets and titles.
_UNCLEAN = re.compile(r"[^\S ]|  |^ | $|[\u200c\u200d\ud800-\udfff]|" + _INVISIBLE.pattern)


def clean(text: str) -> str:
    """Brings a text into the normal form described above.

    Args:
        text: Any string; unpaired surrogates (JSON can hold them) become U+FFFD.

    Returns:
        The cleaned text, without a line feed at either end; empty when there were no words.
    """
    if not _UNCLEAN.search(text):
        return text
    text = visible(text)
    return clean_piece(text, east_asian=is_east_asian(text)).text


def visible(text: str) -> str:
    """A text without its control and invisible characters, lone surrogates as U+FFFD."""
    text = replace_lone_surrogates(text)
    if len(text) < _LONG or _count_invisible(text):
        text = _INVISIBLE.sub("", text)
    return _STRAY_JOINER.sub("", text) if "\u200c" in text or "\u200d" in text else text


def visible_length(text: str) -> int:
    """The length of a text that has no lone surrogates when it is `visible`."""
    return len(visible(text)) if "\u200c" in text or "\u200d" in text else len(text) - _count_invisible(text)


def _count_invisible(text: str) -> int:
    """As many as `_INVISIBLE` would take out, in half of the time."""
    code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    return int(np.count_nonzero(_invisible_table()[np.minimum(code_points, _BEYOND)]))


@functools.cache
def _invisible_table() -> np.ndarray:
    """Whether each character is invisible, bool [`_BEYOND` + 1]: beyond that there is none."""
    return np.array([_INVISIBLE.match(chr(code_point)) is not None for code_point in range(_BEYOND + 1)])


class Cleaned(NamedTuple):
    """A clean piece of a text, and whether blank lines came before its first and after its last words."""

    text: str
    blank_before: bool
    blank_after: bool


def clean_piece(text: str, *, east_asian: bool) -> Cleaned:
    """Cleans a piece of a text that is `visible` already: whole lines, or a line cut between two letters."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    kept = filter(None, lines) if east_asian else _one_blank_line(lines)
    return Cleaned("\n".join(kept), bool(lines) and not lines[0], bool(lines) and not lines[-1])


def replace_lone_surrogates(text: str) -> str:
    """Joins surrogate pairs into characters and turns unpaired surrogates into U+FFFD."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def middle_sample(length: int) -> tuple[int, int]:
    """Where the part of a text of `length` characters begins and ends by which `is_east_asian` judges."""
    begin = max(0, (length - _LETTER_SAMPLE) // 2)
    return begin, begin + _LETTER_SAMPLE


def is_east_asian(text: str) -> bool:
    """Whether at least a quarter of the letters of a visible text are Chinese or Japanese.

    Judged by the middle of a long text: the ends may hold notices in another language.
    """
    begin, end = middle_sample(len(text))
    sample = text[begin:end]
    letters = sum(c.isalpha() for c in sample)
    return 4 * len(_CJK.findall(sample)) >= letters


def _one_blank_line(lines: list[str]) -> list[str]:
    """Drops blank lines at the ends and every blank line that follows another."""
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return kept[:-1] if kept and not kept[-1] else kept
