"""Texts of 2 KB in many languages and encodings: read right, or refused with the right encoding named first."""

import json
import pathlib
import random
import re
import time

import pytest

from tf_gpt2.corpus.decoding import decode
from tf_gpt2.errors import UserError

SENTENCES = json.loads(pathlib.Path(__file__).with_name("languages.json").read_text("utf-8"))
_WESTERN = ["cp1252", "latin-1", "iso8859-15", "cp850", "mac_roman", "utf-16-le", "utf-16-be"]
_CENTRAL = ["cp1250", "iso8859-2", "cp852"]
_BALTIC = ["cp1257", "iso8859-13"]
_CYRILLIC = ["cp1251", "iso8859-5", "mac_cyrillic"]
_CHINESE = ["gb18030", "gbk", "hz", "utf-16-le", "utf-16-be"]
ENCODINGS = {
    "czech": [*_CENTRAL, "mac_latin2"],
    "polish": _CENTRAL,
    "hungarian": _CENTRAL,
    "croatian": _CENTRAL,
    "romanian": _CENTRAL,
    "turkish": ["cp1254", "iso8859-9", "cp857"],
    "french": _WESTERN,
    "german": [*_WESTERN, "cp437"],
    "spanish": _WESTERN,
    "italian": _WESTERN,
    "portuguese": _WESTERN,
    "swedish": _WESTERN,
    "danish": [*_WESTERN, "cp865"],
    "finnish": _WESTERN,
    "estonian": [*_BALTIC, "iso8859-15"],
    "latvian": _BALTIC,
    "lithuanian": _BALTIC,
    "russian": [*_CYRILLIC, "koi8-r", "cp866", "utf-16-le"],
    "ukrainian": [*_CYRILLIC, "koi8-u"],
    "bulgarian": _CYRILLIC,
    "greek": ["cp1253", "iso8859-7", "cp737"],
    "hebrew": ["cp1255", "iso8859-8", "cp862"],
    "arabic": ["cp1256", "iso8859-6", "cp864"],
    "thai": ["cp874", "utf-8", "utf-16-le"],
    "vietnamese": ["utf-8", "utf-16-le"],
    "japanese, many kana": ["euc_jp", "shift_jis", "cp932", "iso2022_jp", "utf-16-le", "gb18030", "utf-8"],
    "japanese, few kana": ["euc_jp", "shift_jis", "iso2022_jp", "utf-16-be"],
    "korean": ["euc_kr", "cp949", "johab", "iso2022_kr", "utf-16-le"],
    "chinese, modern": [*_CHINESE, "utf-7"],
    "chinese, classical": _CHINESE,
    "chinese, traditional": ["big5", "big5hkscs", "gb18030", "utf-16-le", "utf-16-be"],
}
# A typist takes what the encoding has.
_PLAINER = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "—": "-", "–": "-", "œ": "oe"}
)


def _text(language, encoding):
    """Lines of a language, about 2 KB in the encoding."""
    draw, text = random.Random(language), ""
    while len(text.encode(encoding, "replace")) < 2000:
        text += draw.choice(SENTENCES[language]) + "\n"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAINER)
    return text


CASES = [(language, encoding) for language, encodings in ENCODINGS.items() for encoding in encodings]


def test_the_table_is_long():
    assert len(CASES) > 100


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_read_right_or_refused_with_the_right_one_first(language, encoding):
    text = _text(language, encoding)
    data = text.encode(encoding, "ignore")
    text = data.decode(encoding)
    try:
        assert decode(data, "a.txt") == text
    except UserError as refusal:
        first = re.search(r"likeliest first it may be ([\w-]+)", str(refusal))
        assert first and data.decode(first.group(1)) == text, refusal


def test_few_are_refused():
    refused = []
    for language, encoding in CASES:
        data = _text(language, encoding).encode(encoding, "ignore")
        try:
            decode(data, "a.txt")
        except UserError:
            refused.append((language, encoding))
    assert len(refused) <= 3, refused


def test_what_no_language_explains_is_refused_with_guesses():
    draw = random.Random(5)
    data = " ".join("".join(chr(draw.randint(0xA1, 0xFE)) for _ in range(6)) for _ in range(300)).encode("latin-1")
    with pytest.raises(UserError, match="must be recognisable: that of a.txt is not"):
        decode(data, "a.txt")


def test_iso_2022_cn_is_named():
    with pytest.raises(UserError, match="ISO-2022-CN"):
        decode(b"\x1b$)A\x0eDc:C\x0f hello\n" * 20, "a.txt")


def test_escapes_and_braces_of_plain_text_stay():
    for text in (
        "some \x1b[31mred\x1b[0m text\n" + "and plain text\n" * 99,
        "a ~{tilde}~ b ~{ab~}\n" * 9,
        "c++ and 1+1=2, +abc- +-\n" * 9,
    ):
        assert decode(text.encode(), "a.txt") == text


@pytest.mark.parametrize(
    ("most", "other"), [("utf-8", "gb18030"), ("gb18030", "utf-8"), ("cp1251", "utf-8"), ("cp1252", "utf-8")]
)
def test_a_mixture_is_refused_with_the_place_where_it_begins(most, other):
    language = {"cp1251": "russian", "cp1252": "german"}.get(most, "chinese, modern")
    lines = SENTENCES[language] * 8
    data = [(line + "\n").encode(other if number == 30 else most) for number, line in enumerate(lines)]
    at = len(b"".join(data[:30]))
    with pytest.raises(UserError, match=r"line 31, (at )?offset (\d+)") as caught:
        decode(b"".join(data), "a.txt")
    place = int(re.search(r"offset (\d+)", str(caught.value)).group(1))
    assert at <= place < at + len(data[30])
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5", "cp1251"])
def test_zeros_at_the_end_are_left_out(encoding):
    language = {"big5": "chinese, traditional", "cp1251": "russian"}.get(encoding, "chinese, modern")
    text = "\n".join(SENTENCES[language] * 3)
    assert decode(text.encode(encoding) + bytes(8192), "a.txt") == text
    assert decode(text.encode(encoding) + bytes(8192), "a.txt", encoding) == text


def test_zeros_alone_are_refused():
    with pytest.raises(UserError, match="zeros alone"):
        decode(bytes(5000), "a.txt")


@pytest.mark.parametrize(
    "data",
    [
        b"\xe9\n" + b"a" * 1_000_000,
        b"~{ab" * 250_000,
        b"\x1b$B" * 300_000,
        b"+abc" * 250_000,
        b"a\0" * 500_000,
        b"\xff" * 1_000_000,
        b"\xc3 " * 500_000,
    ],
)
def test_a_megabyte_of_anything_is_answered_soon(data):
    begin = time.process_time()
    try:
        decode(data, "a.txt")
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) <= 500
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape"])
def test_codecs_that_are_no_encodings_of_files_are_refused(name):
    with pytest.raises(UserError, match="`encoding`"):
        decode(b"a-" * 1000, "a.txt", name)


def test_a_file_with_one_quotation_mark_of_windows_is_read_or_refused_with_it_first():
    text = "She said nothing more, and the old man went on with his work as before.\n" * 20 + "“Come,” he said.\n"
    for encoding in ("cp1252", "mac_roman"):
        assert decode(text.encode(encoding), "a.txt") == text
