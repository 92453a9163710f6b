"""Simplified and traditional characters, with OpenCC (the C++ package `opencc`)."""

import functools
import re
import unicodedata

from tf_gpt2.errors import UserError

# Taiwan's standard forms: s2t writes 羣, 爲 and 喫 where readers expect 群, 為 and 吃.
# Words stay: s2twp would also replace vocabulary.
_CONFIGURATIONS = {"simplified": "t2s", "traditional": "s2tw"}
SCRIPTS = tuple(_CONFIGURATIONS)
# A word of a text in an alphabet: letters and digits with the apostrophes between them.
WORD = re.compile(r"\w+(?:['’]\w+)*")
_PIECE = 1_000_000
_SAMPLE = 50_000
# Simplification changes about 30 % of the characters of a traditional text and under 1 % of a
# simplified one.
_TRADITIONAL_SHARE = 0.05


def convert_script(text: str, script: str | None) -> str:
    """Converts a text to one script.

    A text that is in traditional characters already is returned as it is when `script` is
    "traditional": characters that are simplified forms in one text and words of their own in
    another (后, 里, 干) would only be harmed.

    Args:
        text: Clean text.
        script: "simplified", "traditional", or None for no conversion.

    Raises:
        UserError: Another value of `script`.
    """
    check_script(script)
    return text if is_in_script(text, script) else converted(text, script)


def is_in_script(text: str, script: str | None) -> bool:
    """Whether nothing is to be converted."""
    return script is None or (script == "traditional" and is_traditional(text))


def converted(text: str, script: str | None) -> str:
    """A text in one script, whatever it is in."""
    if script is None:
        return text
    converter = _converter(_CONFIGURATIONS[script])
    return "".join(converter.convert(piece) for piece in _pieces(text))


def check_script(script: str | None) -> None:
    """Refuses a value of `script` that is not known, before any work is done."""
    if script is not None and script not in _CONFIGURATIONS:
        raise UserError(
            f"`script` must be simplified or traditional, got {script!r}. Leave it out for no conversion."
        )


def is_traditional(text: str) -> bool:
    """Whether a text is written in traditional characters, judged by the middle 50,000."""
    middle = max(0, (len(text) - _SAMPLE) // 2)
    sample = text[middle : middle + _SAMPLE]
    simplified = _converter("t2s").convert(sample)
    changed = sum(a != b for a, b in zip(sample, simplified, strict=False))
    return changed > _TRADITIONAL_SHARE * len(sample)


def is_alphabetic(text: str) -> bool:
    """Whether most letters of a text belong to an alphabet: Latin, Cyrillic, Arabic and the like, not Chinese.

    The first 50,000 characters tell.
    """
    letters = [c for c in text[:_SAMPLE] if c.isalpha()]
    narrow = sum(unicodedata.east_asian_width(c) not in "WF" for c in letters)
    return narrow > len(letters) / 2


def _pieces(text: str):
    """Cuts at line ends, so that no word is divided, after a million characters or so."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + _PIECE)
        end = len(text) if end < 0 else end + 1
        yield text[begin:end]
        begin = end


@functools.cache
def _converter(configuration: str):
    # OpenCC loads its dictionaries here, which only users of --script should wait for.
    import opencc

    return opencc.OpenCC(configuration)
