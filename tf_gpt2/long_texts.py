"""Long texts encoded line by line: which tokenizers allow it, and what encodes the lines after the first.

Without it `tokenizers` holds some 150 bytes for every token of a novel.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import tokenizers

_BATCH_CHARACTERS = 250_000
# White space of more than a line feed stays together: what GPT-2 makes of it depends on what follows.
_BETWEEN_LINES = re.compile(r"(?<=\S\n)(?=\S)")
_LONGEST_LINE = 1_000_000
_WORD = "[A-Za-z\u4e00-\u9fff]"
_BETWEEN_WORDS = re.compile(f"(?<={_WORD})(?= {_WORD}|[,.;:!?，。；：！？、])")
# Normalizers that change a character by itself or with its accents, which never follow a line feed.
_LOCAL = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer")
_ONE_CHARACTER = r"[\p{Cn}\p{Co}]"  # the pattern of word_piece.py


def batches_of_lines(pieces: Iterable[str]) -> Iterator[str]:
    """A text that comes in pieces, in batches of whole lines of some 250,000 characters.

    A line of millions of characters is cut before a space or a mark between words, where the pre-tokenizers that
    `continuing` admits cut too; one of letters without an end is cut anywhere.
    """
    text = ""
    for piece in pieces:
        text = text + piece if text else piece
        while (cut := _cut(text)) is not None:
            yield text[:cut]
            text = text[cut:]
    if text:
        yield text


def _cut(text: str) -> int | None:
    """Where a batch ends; None where more of the text has to come."""
    if len(text) <= _BATCH_CHARACTERS:
        return None
    if found := _BETWEEN_LINES.search(text, _BATCH_CHARACTERS):
        return found.start()
    if len(text) < _BATCH_CHARACTERS + _LONGEST_LINE:
        return None
    found = _BETWEEN_WORDS.search(text, _BATCH_CHARACTERS)
    return found.start() if found else len(text)


def lines_of(batch: str) -> list[str]:
    """The lines of a batch, line feed included; empty ones go with the one before."""
    return [
        part
        for line in _BETWEEN_LINES.split(batch)
        for part in ([line] if len(line) <= _LONGEST_LINE else batches_of_lines([line]))
    ]


def continuing(model: tokenizers.Tokenizer) -> tokenizers.Tokenizer | None:
    """What encodes every line but the first, so that all lines together have the ids of the whole text.

    No token of GPT-2's pre-tokenizer reaches over a single line feed between words; BERT's cuts at all white space.
    What puts a space before a text must not do so before a line.

    Returns:
        The tokenizer itself where it treats all lines alike, a copy of it that puts nothing before a text, or None
        where lines by themselves are not enough.
    """
    description = json.loads(model.to_str())
    before = description["pre_tokenizer"]
    plain = before is None and description["model"]["type"] == "BPE" and not description["model"]["merges"]
    cuts = before and before["type"] in ("ByteLevel", "BertPreTokenizer") and before.get("use_regex", True)
    in_text = [token for token in description["added_tokens"] if not token["special"]]
    if not (plain or cuts) or not _is_local(description["normalizer"]) or any(map(_reaches_far, in_text)):
        return None
    if not (before and before.get("add_prefix_space")):
        return model
    if in_text:  # after each of these the library begins anew, with a space
        return None
    before["add_prefix_space"] = False
    copy = tokenizers.Tokenizer.from_str(json.dumps(description))
    copy.encode_special_tokens = True
    return copy


def _is_local(normalizer: dict[str, Any] | None) -> bool:
    if normalizer is None or normalizer["type"] in _LOCAL:
        return True
    if normalizer["type"] == "Sequence":
        return all(map(_is_local, normalizer["normalizers"]))
    return normalizer["type"] == "Replace" and normalizer["pattern"] == {"Regex": _ONE_CHARACTER}


def _reaches_far(token: dict[str, Any]) -> bool:
    """Whether finding a token in a text may need more than a line."""
    return token["lstrip"] or token["rstrip"] or token["single_word"] or "\n" in token["content"][:-1]
