"""Bytes of a text file to `str`, with the encoding recognised and never half-believed.

The order is: byte order mark, strict UTF-8, a comparison of the encodings Chinese novels come in,
and last the detector `chardet` for everything else. Whatever is chosen then has to decode the
*whole* file strictly.

GB18030, Big5 and UTF-16 accept most byte strings, so "it decodes" proves nothing, and detectors
guess wrong on short texts. What separates them is frequency: under the right encoding about a third
of the characters of any Chinese text are among the commonest few hundred; under a wrong one the
characters are scattered over the whole range.
"""

import codecs
import re

import chardet

from tf_gpt2.errors import UserError

SAMPLE_BYTES = 65_536
_CHINESE_ENCODINGS = ("gb18030", "cp950", "utf-16-le", "utf-16-be")
# GB 2312 and GBK are subsets of GB18030, and files that say the former often hold the latter.
# Likewise Big5 files made on Windows hold code page 950; big5hkscs has Hong Kong's additions.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950"}
_FALLBACKS = {"cp950": ("big5hkscs", "big5")}
_BYTE_ORDER_MARKS = (
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
_COMMON = frozenset(
    # The commonest characters of modern and classical Chinese prose, simplified and traditional
    # alike.
    "的一是不了人我在有他这这個个中大来來上国國们們到说說和地也子时時道出而要于於就下得可你年生自会會那后後能对對着著"
    "事其里裡裏所去行过過家十用发發天如然作方成者多日都三小军軍二无無同么麼经經法当當起与與好看学學进進种種将將还還分"
    "此心前面又定见見只主没沒公从從知全工实實已手力些正外但理问問开開水之以为為曰何乃若吾今回却卻见头頭来兵马馬王"
    "老师師身相便叫话話听聽两兩把走打女她它什儿兒门門只隻随隨笑长長東东西南北山百千万萬声聲想等气氣因亦汝德玄操"
    "我請请入玉真情几幾忙太死再罢罷命做明宝寶爷爺奶妈媽见吃高名向高白飞飛劍剑刀武功夫少光眼间間边邊跟被给給让讓"
    "，。！？、：；“”‘’「」『』《》（）…—　"
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BYTES_OVER_ASCII = re.compile(rb"[\x80-\xff]")
# All but the quotes, dashes, ellipsis and space of code page 1252.
_WESTERN_ACCENTS = re.compile(rb"[\x80-\x84\x86-\x90\x98-\x9f\xa1-\xaa\xac-\xba\xbc-\xff]")
_LINES_OVER_ASCII = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
# Share of common characters a text must reach to be believed. Chinese prose has 0.3 to 0.5, a wrong
# encoding under 0.05.
_BELIEVABLE = 0.12
# English, French, German and Spanish stay below this share of accents; Czech and Polish do not.
_WESTERN_SHARE = 0.05
_DETECTOR_CONFIDENCE = 0.3


def decode(data: bytes, source: str, encoding: str | None = None) -> str:
    """Decodes a whole text file strictly.

    Args:
        data: The bytes of the file.
        source: Name of the file for messages.
        encoding: Name of the encoding when the user knows it; None recognises it.

    Returns:
        The text, without a leading byte order mark.

    Raises:
        UserError: The data is binary, the encoding is unknown or unclear, or some bytes do not
            belong to it.
    """
    for mark, marked in _BYTE_ORDER_MARKS:
        # A mark is proof unless the user contradicts it, in which case strict decoding settles the
        # matter.
        if data.startswith(mark) and (encoding is None or _same_family(encoding, marked)):
            return _strict(data[len(mark) :], marked, source, offset=len(mark))
    if encoding is not None:
        return _strict(data, _known_codec(encoding), source, told=True)
    _refuse_foreign_formats(data, source)
    if not _CONTROLS.search(data, 0, SAMPLE_BYTES):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return _strict(data, detect(data, source), source)


def detect(data: bytes, source: str) -> str:
    """Names the encoding of `data` (no byte order mark), judging by a sample of at most 64 KB.

    Raises:
        UserError: The data looks binary, or no encoding is likely enough.
    """
    raw = data[:SAMPLE_BYTES]
    sample = _sample(data)
    if _utf8_share(sample) > 0.95 and not _looks_binary(raw):
        return "utf-8"
    scores = {name: _common_share(_lenient(s, name), name) for name, s in _candidates(raw, sample)}
    best = max(scores, key=scores.__getitem__)
    if scores[best] >= _BELIEVABLE and not (_looks_binary(raw) and not best.startswith("utf-16")):
        return best
    if _looks_binary(raw):
        raise UserError(
            f"A text file must hold text: {source} is binary. Remove it from `corpus`, or pass "
            "`encoding` if it is text in an unusual encoding."
        )
    return _detect_other(raw, sample, source)


def _candidates(raw: bytes, sample: bytes):
    for name in _CHINESE_ENCODINGS:
        if name.startswith("utf-16"):
            yield name, raw[: len(raw) // 2 * 2]
        else:
            yield name, sample


def _sample(data: bytes) -> bytes:
    """The first lines that are not plain ASCII, for those say nothing about the encoding.

    Cutting at line feeds is safe: neither GB18030 nor Big5 uses 0x0A inside a character.
    """
    parts, size = [], 0
    first = _BYTES_OVER_ASCII.search(data)
    begin = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    for match in _LINES_OVER_ASCII.finditer(data, begin, begin + 16 * SAMPLE_BYTES):
        parts.append(match.group()[: SAMPLE_BYTES - size])
        size += len(parts[-1])
        if size >= SAMPLE_BYTES:
            break
    return b"".join(parts)


def _lenient(sample: bytes, encoding: str) -> str:
    """Decodes a sample that may end inside a character; damage shows as U+FFFD."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample)


def _common_share(text: str, encoding: str) -> float:
    """Share of common characters in `text`, each undecodable spot counted as ten uncommon ones."""
    if encoding.startswith("utf-16"):
        judged, common = len(text), sum(c in _COMMON or " " <= c <= "~" for c in text)
    else:
        judged = sum(c > "\x7f" for c in text)
        common = sum(c in _COMMON for c in text)
    return common / max(1, judged + 9 * text.count("\ufffd"))


def _utf8_share(sample: bytes) -> float:
    """Share of the characters over ASCII that are valid UTF-8; 1.0 for plain ASCII."""
    text = _lenient(sample, "utf-8")
    over = sum(c > "\x7f" for c in text)
    return 1 - text.count("\ufffd") / over if over else 1.0


def _looks_binary(raw: bytes) -> bool:
    return len(_CONTROLS.findall(raw)) > 0.02 * len(raw)


def _refuse_foreign_formats(data: bytes, source: str) -> None:
    for magic, name in _FOREIGN_FORMATS.items():
        if data.startswith(magic):
            raise UserError(
                f"A .txt or .jsonl file must be plain text: {source} is {name}. Save it as plain "
                "text and pass that."
            )


def _detect_other(raw: bytes, sample: bytes, source: str) -> str:
    """Other languages: the detector's opinion if it has one, else Windows's western default."""
    guess = chardet.detect(sample)
    if guess["encoding"] and guess["confidence"] >= _DETECTOR_CONFIDENCE:
        name = guess["encoding"].lower()
        return _SUPERSETS.get(name, name)
    if len(_WESTERN_ACCENTS.findall(raw)) < _WESTERN_SHARE * len(raw):
        return "cp1252"
    raise UserError(
        f"The encoding of a text file must be recognisable: that of {source} is not. Pass "
        "`encoding`, for example gb18030, big5, shift_jis or cp1252."
    )


def _known_codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # raises LookupError for codecs that are not text encodings, such as hex
    except (LookupError, ValueError):
        raise UserError(
            f"`encoding` must name a text encoding Python knows: {encoding!r} is none. Try utf-8, "
            "gb18030, big5 or utf-16."
        ) from None
    return _SUPERSETS.get(name, name)


def _same_family(encoding: str, marked: str) -> bool:
    """Whether `encoding` is the one a byte order mark names, byte order stated or not."""
    name = _known_codec(encoding).replace("_", "-")
    return marked.startswith(name.removesuffix("-sig"))


def _strict(data: bytes, encoding: str, source: str, *, offset: int = 0, told: bool = False) -> str:
    error: UnicodeDecodeError | None = None
    for name in (encoding, *_FALLBACKS.get(encoding, ())):
        try:
            return data.decode(name).removeprefix("\ufeff")
        except UnicodeDecodeError as caught:
            # The attempt that came furthest names the real damage.
            error = caught if error is None or caught.start > error.start else error
        except UnicodeError as caught:  # codecs such as utf-16 and idna
            raise UserError(f"{source} cannot be decoded as {name}: {caught}. Pass another `encoding`.") from None
    assert error is not None  # every attempt returned, raised, or left one
    where = offset + error.start
    bad = data[error.start : error.start + 4].hex(" ")
    told_by = "as `encoding` says" if told else "as its other bytes suggest"
    raise UserError(
        f"Every byte of a text file must decode: {source} is not {encoding} throughout, {told_by}; "
        f"bytes {bad} at offset {where} of {offset + len(data)} do not belong. Repair the file "
        "there (iconv -c drops such bytes) or pass another `encoding`."
    )
