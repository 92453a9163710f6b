"""Encodings that show by their form, whatever the language: UTF-16 and UTF-32 without a mark, and the 7-bit ones.

The 7-bit encodings look like ASCII, so a reader that takes valid UTF-8 for proof would train on their escapes.
"""

import codecs
import itertools
import math
import re
import unicodedata
from collections import Counter

import numpy as np

from tf_gpt2.corpus.east_asian import is_prose

# Escape sequences of ISO 2022 that choose a character set (RFC 1468, 1554, 1557); those of terminals end otherwise.
_ISO_2022 = re.compile(rb"\x1b(?:\$[@AB]|\$[()*+][@-GIMOPQ]|\([IJ])")
_ISO_2022_CODECS = ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_ext")
_HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+(?:~\}|\n)")  # RFC 1843
_UTF_7 = re.compile(rb"\+[A-Za-z0-9+/]{3,}-?")  # RFC 2152
_OVER_ASCII = re.compile(rb"[\x80-\xff]")
# Least share of zero bytes in UTF-16: each letter of ASCII, space and line end brings one.
_ZEROS = 0.001
# Leading bytes of three-byte UTF-8 (no surrogates, no private characters) and of two-byte Cyrillic, and how many
# such characters in a row no text in another encoding holds by chance.
_RUNS = (((*range(0xE1, 0xED), 0xEF), 3, 6), ((0xD0, 0xD1), 2, 6))
_PIECE = 1 << 20
# An accent of UTF-8 among letters of ASCII; where these bytes are A with a tilde and a sign, two are no chance.
_UTF_8_ACCENT = re.compile(rb"(?<![\x80-\xff])\xc3[\xa0-\xbf](?![\x80-\xff])")
_LATIN_ENCODINGS = re.compile("cp125[0247]|iso8859-(?:1|2|3|4|9|10|13|14|15|16)")
_FEW = 2
_STRANGE_CATEGORIES = frozenset(("Cn", "Co", "Cs", "Cc"))


def seven_bit_encoding(data: bytes, limit: int) -> str | None:
    """Name of the 7-bit encoding of a text, None for plain ASCII and all else.

    Args:
        data: A whole file.
        limit: How many bytes from the first escape on are looked at.
    """
    if b"\x1b" in data and (found := _ISO_2022.search(data)):
        return _iso_2022(data, found.start(), limit)
    if _OVER_ASCII.search(data):
        return None
    if b"~{" in data and (found := _HZ.search(data)):
        begin = data.rfind(b"\n", 0, found.start()) + 1
        return "hz" if is_prose(data[begin : begin + limit].decode("hz", "replace")) else None
    return "utf-7" if _is_utf_7(data, limit) else None


def _iso_2022(data: bytes, begin: int, limit: int) -> str:
    if re.match(rb"\x1b\$[)*][AEGH]", data[begin : begin + 4]):
        return "iso-2022-cn"
    if b"\x1b$)C" in data[:limit]:
        return "iso2022_kr"
    sample = data[begin : begin + limit]
    texts = {name: sample.decode(name, "replace") for name in _ISO_2022_CODECS}
    return min(texts, key=lambda name: texts[name].count("\ufffd"))


def _is_utf_7(data: bytes, limit: int) -> bool:
    pieces = [match.group() for match in itertools.islice(_UTF_7.finditer(data), limit // 8)]
    if len(pieces) < 3:
        return False
    decoded = []
    for piece in pieces:
        try:
            decoded.append(piece.decode("utf-7"))
        except UnicodeDecodeError:
            return False
    text = "".join(decoded)
    if any("\u3000" < character < "\ua000" for character in text):
        return is_prose(text)
    letters = sum(character > "\x7f" and character.isalpha() for character in text)
    return letters >= 3 and letters >= 0.6 * len(text) and not _strange(text)


def wide_encoding(raw: bytes) -> str | None:
    """UTF-16 or UTF-32, in which byte order, where a text without a mark is in one of them and holds zero bytes."""
    if raw.count(0) < _ZEROS * len(raw) or len(raw) < 4:
        return None
    for name in ("utf-32-le", "utf-32-be"):
        try:
            raw[: len(raw) // 4 * 4].decode(name)
            return name
        except UnicodeDecodeError:
            pass
    raw = raw[: len(raw) // 2 * 2]
    entropies = _entropy(raw[0::2]), _entropy(raw[1::2])
    # Of a character's two bytes the higher names its block, and a text has few blocks.
    high = 0 if entropies[0] < entropies[1] else 1
    zeros = raw[high::2].count(0)
    if entropies[high] + 0.5 > entropies[1 - high] or zeros < 0.9 * raw.count(0):
        return None
    name = "utf-16-le" if high else "utf-16-be"
    return None if _strange(codecs.getincrementaldecoder(name)("replace").decode(raw)) else name


def _entropy(data: bytes) -> float:
    """Bits a byte."""
    return -sum(n / len(data) * math.log2(n / len(data)) for n in Counter(data).values())


def _strange(text: str) -> bool:
    """Whether more than a hundredth of the characters are unassigned, private, controls or damage."""
    strange = sum(
        count
        for character, count in Counter(text).items()
        if character == "\ufffd"
        or (unicodedata.category(character) in _STRANGE_CATEGORIES and character not in "\t\n\r\f\v\x00")
    )
    return strange > 0.01 * len(text)


def find_utf_8(data: bytes, encoding: str) -> int | None:
    """Where a run of UTF-8 begins in a text that is in another encoding; None where there is none."""
    if _LATIN_ENCODINGS.fullmatch(encoding):
        accents = list(itertools.islice(_UTF_8_ACCENT.finditer(data), _FEW))
        if len(accents) == _FEW:
            return accents[0].start()
    for begin in range(0, len(data), _PIECE):
        piece = np.frombuffer(data[begin : begin + _PIECE + 32], np.uint8)
        following = (piece & 0xC0) == 0x80
        places = [place for run in _RUNS if (place := _find_run(piece, following, *run)) is not None]
        if places:
            return begin + min(places)
    return None


def _find_run(piece: np.ndarray, following: np.ndarray, leading: tuple, length: int, repeats: int) -> int | None:
    """The first place where so many characters of `length` bytes stand in a row: piece [n], following bool [n]."""
    reach = len(piece) - length * repeats + 1
    if reach <= 0:
        return None
    table = np.zeros(256, bool)
    table[list(leading)] = True
    whole = table[piece[: len(piece) - length + 1]]
    for place in range(1, length):
        whole &= following[place : place + len(whole)]
    row = whole[:reach].copy()
    for repeat in range(1, repeats):
        row &= whole[repeat * length : repeat * length + reach]
    return int(row.argmax()) if row.any() else None
