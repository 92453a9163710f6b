"""Bytes of a text file to `str`, with the encoding recognised and never half-believed.

The order is: byte order mark, encodings that show by their form (UTF-16, ISO 2022, HZ), strict UTF-8, then what is
plausible: a comparison of the East Asian encodings (`east_asian`), then the detector's guesses held against the
alphabet of their language (`alphabets`). What is not clearly better than the next guess is refused with the guesses
named. Whatever is chosen then has to decode the *whole* file strictly.
"""

import codecs
import re
from typing import NoReturn

from tf_gpt2.corpus import alphabets, east_asian
from tf_gpt2.corpus.encoding_forms import find_utf_8, seven_bit_encoding, wide_encoding
from tf_gpt2.errors import UserError

SAMPLE_BYTES = 65_536
# The detector's bigrams need no more, and every candidate is decoded: lines over ASCII, and some in ASCII, which
# tell the language.
_ALPHABET_SAMPLE_BYTES, _ASCII_SAMPLE_BYTES = 12_288, 4_096
# GB 2312 and GBK are subsets of GB18030, and files that say the former often hold the latter.
# Likewise Big5 files made on Windows hold code page 950; big5hkscs has Hong Kong's additions.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950", "shift_jis": "cp932", "euc_kr": "cp949"}
FALLBACKS = {
    "cp950": ("big5hkscs", "big5"),
    "cp932": ("shift_jis", "shift_jis_2004"),
    "euc_jp": ("euc_jis_2004",),
    "hz": ("ascii",),
}
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FOREIGN_FORMATS = {
    b"%PDF-": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"PK\x03\x04": "a zip archive (.docx and .epub are zip archives too)",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Word document",
}
# No encodings of text files; the first takes quadratic time.
_SLOW_CODECS = ("punycode", "idna", "unicode_escape", "raw_unicode_escape", "unicode-escape", "raw-unicode-escape")
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BYTES_OVER_ASCII = re.compile(rb"[\x80-\xff]")
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Share of the bytes over ASCII that belong to valid UTF-8: beyond doubt, and where nothing else fits. Chance leaves
# under a third in long texts of other encodings.
_UTF_8_CERTAIN, _UTF_8_LIKELY = 0.9, 0.5
_GUESSES = 3


def decode(data: bytes, source: str, encoding: str | None = None) -> str:
    """Decodes a whole text file strictly.

    Args:
        data: The bytes of the file.
        source: Name of the file for messages.
        encoding: Name of the encoding when the user knows it; None recognises it.

    Returns:
        The text, without a leading byte order mark and without zeros at its end.

    Raises:
        UserError: The data is binary, the encoding is unknown or unclear, or some bytes do not
            belong to it.
    """
    for mark, marked in BYTE_ORDER_MARKS:
        # A mark is proof unless the user contradicts it, in which case strict decoding settles the
        # matter.
        if data.startswith(mark) and (encoding is None or same_family(encoding, marked)):
            return _strict(data[len(mark) :], marked, source, offset=len(mark))
    if encoding is not None:
        return _strict(data, known_codec(encoding), source, told=True)
    refuse_foreign_formats(data, source)
    data = _without_padding(data, source)
    if not CONTROLS.search(data, 0, SAMPLE_BYTES) and seven_bit_encoding(data, SAMPLE_BYTES) is None:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    name = detect(data, source)
    if not name.startswith("utf") and (start := find_utf_8(data, name)) is not None:
        refuse_mixture(source, name, start, len(data), data.count(b"\n", 0, start) + 1)
    return _strict(data, name, source)


def detect(data: bytes, source: str) -> str:
    """Names the encoding of `data` (no byte order mark), judging by samples of at most 64 KB.

    Raises:
        UserError: The data looks binary, or no encoding is clearly likelier than others.
    """
    raw = data[:SAMPLE_BYTES]
    if name := seven_bit_encoding(data, SAMPLE_BYTES) or wide_encoding(raw):
        if name == "iso-2022-cn":
            raise UserError(
                f"A text file must be in an encoding Python knows: {source} is in ISO-2022-CN. Convert it: "
                "iconv -f ISO-2022-CN -t UTF-8"
            )
        return name
    sample, binary = _sample(data), _looks_binary(raw)
    utf_8_share = 0.0 if binary else _utf_8_share(sample)
    if utf_8_share >= _UTF_8_CERTAIN:
        return "utf-8"
    ranked = east_asian.readings(sample, raw)
    if east_asian.is_clear(ranked) and (not binary or ranked[0].encoding.startswith("utf-16")):
        return ranked[0].encoding
    if utf_8_share >= _UTF_8_LIKELY:
        return "utf-8"
    if binary:
        raise UserError(
            f"A text file must hold text: {source} is binary. Remove it from `corpus`, or pass "
            "`encoding` if it is text in an unusual encoding."
        )
    plain = b"\n".join(line for line in raw.split(b"\n") if line.isascii())
    guesses = alphabets.candidates(sample[:_ALPHABET_SAMPLE_BYTES] + plain[:_ASCII_SAMPLE_BYTES])
    if alphabets.is_clear(guesses) and not ranked[0].believable:
        return _SUPERSETS.get(guesses[0].encoding, guesses[0].encoding)
    likely = [reading.encoding for reading in ranked if reading.believable]
    _refuse_unclear(source, [*likely, *(guess.encoding for guess in guesses)])


def _without_padding(data: bytes, source: str) -> bytes:
    """Leaves out the zeros that a download or a file system left at the end; those of UTF-16 stay."""
    kept = data.rstrip(b"\0")
    if data and not kept:
        raise UserError(f"A text file must hold text: {source} holds zeros alone. Download it again.")
    return data if b"\0" in kept[:SAMPLE_BYTES] else kept


def _refuse_unclear(source: str, guesses: list[str]) -> NoReturn:
    names = list(dict.fromkeys(_SUPERSETS.get(name, name) for name in guesses))[:_GUESSES]
    likely = f"; likeliest first it may be {', '.join(names)}" if names else ""
    raise UserError(
        f"The encoding of a text file must be recognisable: that of {source} is not{likely}. Pass `encoding`, "
        f"{names[0] if names else 'gb18030'} for example, or convert the file to UTF-8."
    )


def refuse_mixture(source: str, name: str, start: int, size: int, line: int) -> NoReturn:
    """Refuses a file of `size` bytes in an encoding, of which the bytes from `start` on are UTF-8."""
    raise UserError(
        f"A text file must be in one encoding: {source} is {name} and UTF-8 mixed; line {line}, offset {start} of "
        f"{size}, is UTF-8. Convert the parts to UTF-8 one by one, or pass `encoding` if this is wrong."
    )


def _sample(data: bytes) -> bytes:
    """The first lines that are not plain ASCII, for those say nothing about the encoding.

    Cutting at line feeds is safe: no East Asian encoding uses 0x0A inside a character.
    """
    parts, size = [], 0
    first = _BYTES_OVER_ASCII.search(data)
    begin = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    if first:  # a line may be as long as the file
        begin = max(begin, first.start() - SAMPLE_BYTES // 2)
    for line in data[begin : begin + 16 * SAMPLE_BYTES].split(b"\n"):
        if not line.isascii():
            parts.append(line[: SAMPLE_BYTES - size] + b"\n")
            size += len(parts[-1])
            if size >= SAMPLE_BYTES:
                break
    return b"".join(parts)


def _utf_8_share(sample: bytes) -> float:
    """Share of the bytes over ASCII that belong to valid UTF-8; 1.0 for plain ASCII."""
    over = len(_BYTES_OVER_ASCII.findall(sample))
    return sum(len(match.group()) for match in _UTF_8.finditer(sample)) / over if over else 1.0


def _looks_binary(raw: bytes) -> bool:
    return len(CONTROLS.findall(raw)) > 0.02 * len(raw)


def refuse_foreign_formats(data: bytes, source: str) -> None:
    """Refuses what begins as a document of another program."""
    for magic, name in _FOREIGN_FORMATS.items():
        if data.startswith(magic):
            raise UserError(
                f"A .txt or .jsonl file must be plain text: {source} is {name}. Save it as plain "
                "text and pass that."
            )


def known_codec(encoding: str) -> str:
    """The codec that reads an encoding a user named.

    Raises:
        UserError: Python knows none.
    """
    try:
        name = codecs.lookup(encoding).name
        if name in _SLOW_CODECS:
            raise LookupError(name)
        "".encode(name)  # raises LookupError for codecs that are not text encodings, such as hex
    except (LookupError, ValueError):
        raise UserError(
            f"`encoding` must name a text encoding Python knows: {encoding[:40]!r} is none. Try utf-8, "
            "gb18030, big5 or utf-16."
        ) from None
    return _SUPERSETS.get(name, name)


def same_family(encoding: str, marked: str) -> bool:
    """Whether `encoding` is the one a byte order mark names, byte order stated or not."""
    name = known_codec(encoding).replace("_", "-")
    return marked.startswith(name.removesuffix("-sig"))


def _strict(data: bytes, encoding: str, source: str, *, offset: int = 0, told: bool = False) -> str:
    error: UnicodeDecodeError | None = None
    for name in (encoding, *FALLBACKS.get(encoding, ())):
        try:
            return data.decode(name).removeprefix("\ufeff").rstrip("\0")
        except UnicodeDecodeError as caught:
            # The attempt that came furthest names the real damage.
            error = caught if error is None or caught.start > error.start else error
        except UnicodeError as caught:  # codecs such as utf-16 and idna
            raise UserError(f"{source} cannot be decoded as {name}: {caught}. Pass another `encoding`.") from None
    assert error is not None  # every attempt returned, raised, or left one
    where, line = offset + error.start, data.count(b"\n", 0, error.start) + 1
    refuse_damage(encoding, source, where, offset + len(data), line, data[error.start : error.start + 4], told=told)


def refuse_damage(
    encoding: str, source: str, where: int, size: int, line: int, bad: bytes, *, told: bool
) -> NoReturn:
    """Refuses a file of `size` bytes with some at offset `where` that do not belong to its encoding."""
    told_by = "as `encoding` says" if told else "as its other bytes suggest"
    raise UserError(
        f"Every byte of a text file must decode: {source} is not {encoding} throughout, {told_by}; "
        f"bytes {bad.hex(' ')} in line {line}, at offset {where} of {size}, do not belong. Repair the file "
        "there (iconv -c drops such bytes) or pass another `encoding`."
    )
