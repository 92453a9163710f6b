"""Tells the encodings of Chinese, Japanese and Korean apart, down to a dozen characters.

GB18030, Big5, Shift-JIS, EUC and UTF-16 accept most byte strings, so "it decodes" proves nothing. What separates
them is frequency: under the right encoding a third or more of the characters are among the commonest few hundred of
the language, under a wrong one they are scattered over the whole range. Every pair of encoding and language is
weighed by what the text costs in it, in nats (minus the logarithm of its likelihood, characters taken one by one).
"""

import codecs
import dataclasses
import re
from collections import Counter

from tf_gpt2.corpus.languages import COMMON_CHINESE, COMMON_JAPANESE, COMMON_KOREAN

# What each encoding is used for. GB 2312 and GBK are subsets of GB18030, code page 950 is Windows's Big5; a file
# that says the former often holds the latter.
ENCODINGS = {
    "gb18030": ("zh", "ja"),
    "cp950": ("zh",),
    "cp932": ("ja",),
    "euc_jp": ("ja",),
    "cp949": ("ko",),
    "johab": ("ko",),
    "utf-16-le": ("zh", "ja", "ko"),
    "utf-16-be": ("zh", "ja", "ko"),
}
_COMMON = {"zh": COMMON_CHINESE, "ja": COMMON_JAPANESE, "ko": COMMON_KOREAN}
# Nats a character of each kind costs in each language: minus the logarithm of the kind's share in running text
# divided by the number of its characters. Common characters, hiragana, katakana, other Han, other Hangul.
_NATS = {
    "zh": {"common": 7.0, "hiragana": 18.0, "katakana": 18.0, "han": 10.8, "hangul": 18.0},
    "ja": {"common": 7.2, "hiragana": 5.2, "katakana": 6.8, "han": 12.2, "hangul": 18.0},
    "ko": {"common": 5.8, "hiragana": 18.0, "katakana": 18.0, "han": 13.4, "hangul": 11.6},
}
_ASCII_NATS, _MARK_NATS, _HALFWIDTH_NATS, _RARE_HAN_NATS, _OTHER_NATS, _DAMAGE_NATS = (
    3.0,
    5.3,
    9.0,
    15.0,
    18.0,
    60.0,
)
_MARKS = frozenset("，。！？、：；“”‘’「」『』《》〈〉（）【】〔〕…—　・ー～·々〇〻ゝゞ-")
# Share of common characters among the letters that a text must reach. Chinese prose has 0.4 to 0.6; what a wrong
# encoding leaves stays under 0.12.
_BELIEVABLE = {"zh": 0.14, "ja": 0.3, "ko": 0.3}
# By so many nats the second best has to be worse.
MARGIN_NATS = 12.0
_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}")


@dataclasses.dataclass(frozen=True)
class Reading:
    """A sample under one encoding, the language that it fits best, its cost and whether it looks like prose."""

    encoding: str
    text: str
    language: str
    nats: float
    believable: bool


def readings(sample: bytes, raw: bytes) -> list[Reading]:
    """Every East Asian reading of a text, the likeliest first; of equal texts one.

    Args:
        sample: Lines that hold more than ASCII.
        raw: The beginning of the file, for UTF-16, whose lines cannot be told before it is decoded.
    """
    found: dict[str, Reading] = {}
    for encoding, languages in ENCODINGS.items():
        text = _lenient(raw[: len(raw) // 2 * 2] if encoding.startswith("utf-16") else sample, encoding)
        counts = Counter(text)
        for language in languages:
            nats, believable = _weigh(counts, language)
            believable = believable and _in_runs(text)
            if text not in found or nats < found[text].nats:
                found[text] = Reading(encoding, text, language, nats, believable)
    return sorted(found.values(), key=lambda reading: reading.nats)


def _lenient(sample: bytes, encoding: str) -> str:
    """Decodes a sample that may end inside a character; damage shows as U+FFFD."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    if encoding == "cp950" and "\ufffd" in text:  # Hong Kong's additions
        hong_kong = codecs.getincrementaldecoder("big5hkscs")("replace").decode(sample)
        return min(text, hong_kong, key=lambda reading: reading.count("\ufffd"))
    return text


def _weigh(counts: Counter, language: str) -> tuple[float, bool]:
    nats, common, letters, damage = 0.0, 0, 0, 0
    costs, usual = _NATS[language], _COMMON[language]
    for character, count in counts.items():
        if character == "\ufffd":
            damage += count
            nats += count * _DAMAGE_NATS
            continue
        kind = _kind(character, usual)
        nats += count * (costs[kind] if kind in costs else _OTHERS[kind])
        if kind not in ("ascii", "mark"):
            letters += count
            common += count * (kind == "common" or (language == "ja" and kind in ("hiragana", "katakana")))
    believable = common >= 3 and common >= _BELIEVABLE[language] * (letters + 9 * damage)
    if language == "ja" and believable:
        # Kana lie at the same place in GB 2312 and in JIS, so kanji alone tell the two apart.
        believable = _common_kanji(counts)
    return nats, believable


_OTHERS = {
    "ascii": _ASCII_NATS,
    "mark": _MARK_NATS,
    "halfwidth": _HALFWIDTH_NATS,
    "rare": _RARE_HAN_NATS,
    "other": _OTHER_NATS,
}


def _kind(character: str, usual: frozenset[str]) -> str:
    code = ord(character)
    if code < 0x80:
        return "ascii" if code >= 32 or character in "\t\n\r\f" else "other"
    if character in usual:
        return "common"
    if character in _MARKS or 0xFF01 <= code <= 0xFF5E:
        return "mark"
    if 0x3041 <= code <= 0x3096:
        return "hiragana"
    if 0x30A1 <= code <= 0x30FA:
        return "katakana"
    if 0x4E00 <= code <= 0x9FFF:
        return "han"
    if 0xAC00 <= code <= 0xD7A3:
        return "hangul"
    if 0xFF61 <= code <= 0xFF9F:
        return "halfwidth"
    return "rare" if 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or code >= 0x20000 else "other"


def _common_kanji(counts: Counter) -> bool:
    kanji = sum(count for character, count in counts.items() if "\u4e00" <= character <= "\u9fff")
    common = sum(counts[character] for character in COMMON_JAPANESE)
    return kanji < 10 or common >= 0.15 * kanji


def _in_runs(text: str) -> bool:
    """Whether the characters stand side by side; an accent with the letter behind it is no run."""
    over = sum(character > "\u2fff" for character in text)
    return 2 * len(_RUN.findall(text)) >= 0.3 * over


def is_clear(ranked: list[Reading]) -> bool:
    """Whether the first of `readings` may be believed: it looks like prose, and the second costs clearly more."""
    return ranked[0].believable and (len(ranked) == 1 or ranked[1].nats - ranked[0].nats >= MARGIN_NATS)


def is_prose(text: str) -> bool:
    """Whether a text looks like Chinese, Japanese or Korean."""
    counts = Counter(text)
    return _in_runs(text) and any(_weigh(counts, language)[1] for language in _COMMON)
