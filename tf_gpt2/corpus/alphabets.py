"""Tells the encodings of texts in an alphabet apart, after the detector `chardet` has named candidates.

The detector knows the language nearly always, but not whether byte 0x9C is a letter or a mark. That shows in the
text: letters over ASCII are those of the language and come as often as there, no capital stands inside a word, no
quotation mark or sign between two letters.
"""

import dataclasses
import math
import re
import unicodedata
from collections import Counter

import chardet

from tf_gpt2.corpus.languages import LETTERS

_PERMILLE = {
    language: {entry[0]: float(entry[1:]) for entry in entries.split()} for language, entries in LETTERS.items()
}
# Letters that loan words and names bring into any language written in Latin letters.
_WESTERN = frozenset("àâäáãåæçèéêëìíîïñòóôöõøœùúûüÿß")
_JOINED = re.compile("(?<=[^\\W\\d_])[^\x00-\x7f](?=[^\\W\\d_])")  # between two letters
_MARKS = frozenset("“”„«»‘’‚‹›—–…°§€£©®™№·•¿¡\xa0\xad−½¼¾ºª²³¹×\u200b\u200c\u200d\u200e\u200f،؛؟ـ־׀׃‐―\ufeff")
_JOINING = frozenset("’·\xad\u200c\u200d‐–—־ـ")
_ENDS = frozenset(".,!?;:")
MAX_CANDIDATES = 24
# Share of the characters over ASCII that must be in order.
_IN_ORDER = 0.96
# How alike (cosine) the letters must be to those of the language, from so many letters on.
_LIKENESS, _LIKENESS_FROM = 0.5, 40
_CONFIDENCE = 0.05
# So much better than the second the best must be, and that one where the detector itself is not sure of it.
_RATIO, _UNSURE_RATIO, _UNSURE = 1.01, 1.5, 0.15


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A reading of a text; `score`, 0 to 1, is the detector's confidence times what the text itself says."""

    encoding: str
    text: str
    language: str
    score: float
    believable: bool


def candidates(sample: bytes) -> list[Candidate]:
    """Readings of a text by the detector's guesses, the best first; of equal texts one."""
    found: dict[str, Candidate] = {}
    guesses = chardet.detect_all(sample, ignore_threshold=True, compat_names=False)
    languages = [guess["language"] for guess in guesses[:4] if guess["language"]]
    for guess in guesses[:MAX_CANDIDATES]:
        encoding, confidence = guess["encoding"], guess["confidence"]
        if encoding is None:
            continue
        try:
            text = sample.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if text not in found:
            found[text] = _judge(encoding, text, [guess["language"] or "", *languages], confidence)
    return sorted(found.values(), key=lambda candidate: -candidate.score)


def is_clear(ranked: list[Candidate]) -> bool:
    """Whether the first of `candidates` may be believed: it is in order, and the second is clearly worse."""
    if not ranked or not ranked[0].believable:
        return False
    ratio = _RATIO if ranked[0].score >= _UNSURE else _UNSURE_RATIO
    return len(ranked) == 1 or ranked[0].score >= ratio * ranked[1].score


def _judge(encoding: str, text: str, languages: list[str], confidence: float) -> Candidate:
    composed = unicodedata.normalize("NFC", text)  # Vietnamese in code page 1258 has its tones apart
    counts = Counter(character for character in composed if character > "\x7f")
    joined = Counter(match.group() for match in _JOINED.finditer(composed))
    misplaced = _misplaced(composed)
    letters = sum(character.isalpha() for character in composed)
    best = Candidate(encoding, text, languages[0], 0.0, False)
    for place, language in enumerate(dict.fromkeys([*languages, *_PERMILLE])):
        order = _order(counts, joined, misplaced, language)
        likeness = _likeness(counts, language, letters)
        # The detector's own language counts in full, its others a little less, any other is a way out.
        trust = 1.0 if not place else 0.95 if place < len(languages) else 0.7
        score = confidence * order**6 * likeness * trust
        believable = order >= _IN_ORDER and likeness >= _LIKENESS and confidence >= _CONFIDENCE
        if score > best.score:
            best = Candidate(encoding, text, language, score, believable)
    return best


def _misplaced(text: str) -> int:
    """Letters over ASCII where no word has one: quotation marks of another encoding, most of them.

    A capital after a small letter or before a capitalised word, a small letter before a capital, and a letter alone
    between a mark and a space.
    """
    return sum(
        (c.isupper() and (before.islower() or (after.isupper() and then.islower())))
        or (c.islower() and (after.isupper() or (before in _ENDS and not after.isalpha() and not after.isdigit())))
        for before, c, after, then in zip(" " + text, text, text[1:] + " ", text[2:] + "  ", strict=False)
        if c > "\x7f"
    )


def _order(counts: Counter, joined: Counter, misplaced: int, language: str) -> float:
    """Share of the characters over ASCII that are letters of the language, or marks where marks may stand."""
    own = _PERMILLE.get(language)
    total = counts.total()
    if not total:
        return 1.0
    good = 0.0
    for character, count in counts.items():
        category = unicodedata.category(character)
        if category[0] in "LM":
            small = character.lower()[0]
            if own is None:
                good += 0.8 * count
            elif small in own:
                good += count
            elif small in _WESTERN and any(letter < "\u0250" for letter in own):
                good += 0.7 * count
        elif character in _JOINING:
            good += count
        elif character in _MARKS:
            good += count - joined[character]
        elif category in ("Cc", "Cn", "Co"):
            good -= 2 * count
    return max(0.0, (good - misplaced) / total)


def _likeness(counts: Counter, language: str, letters: int) -> float:
    """Cosine of the frequencies of letters over ASCII, here and in the language; 1 where there are too few."""
    own = _PERMILLE.get(language)
    here: Counter = Counter()
    for character, count in counts.items():
        if unicodedata.category(character)[0] in "LM":
            here[character.lower()[0]] += count
    if own is None:
        return 0.7
    if here.total() < _LIKENESS_FROM:
        return 1.0
    product = sum(count * own.get(letter, 0.0) for letter, count in here.items())
    norms = math.sqrt(sum(c * c for c in here.values()) * sum(f * f for f in own.values()))
    # Far fewer or far more of them than the language has say the same.
    rate, usual = 1000 * here.total() / max(1, letters), sum(own.values())
    amount = min(1.0, 3 * min(rate / usual, usual / rate))
    return product / norms * amount
