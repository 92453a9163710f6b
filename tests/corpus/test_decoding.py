"""Encodings are recognised without a flag, then decoded strictly."""

import codecs
import random

import pytest
from promises import promptly

from tf_gpt2.corpus.decoding import decode
from tf_gpt2.errors import UserError

SIMPLIFIED = (
    "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。及秦灭之后，楚、汉分争，又并入于汉。"
    "汉朝自高祖斩白蛇而起义，一统天下，后来光武中兴，传至献帝，遂分为三国。\n"
    "他听了这话，心里一惊，说道：“你是什么人？怎么会知道我的名字？”那少女笑了笑，没有回答。\n"
)
TRADITIONAL = (
    "話說天下大勢，分久必合，合久必分。周末七國分爭，並入於秦。及秦滅之後，楚、漢分爭，又並入於漢。"
    "漢朝自高祖斬白蛇而起義，一統天下，後來光武中興，傳至獻帝，遂分為三國。\n"
    "他聽了這話，心裡一驚，說道：「你是什麼人？怎麼會知道我的名字？」那少女笑了笑，沒有回答。\n"
)
ENGLISH = "It was the best of times, it was the worst of times.\n"


@pytest.mark.parametrize("repeats", [1, 300])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
def test_simplified_text_is_recognised(encoding, repeats):
    text = SIMPLIFIED * repeats
    assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize("repeats", [1, 300])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "big5", "cp950", "big5hkscs", "gb18030"])
def test_traditional_text_is_recognised(encoding, repeats):
    text = TRADITIONAL * repeats
    assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize("length", [15, 25, 60])
@pytest.mark.parametrize(
    ("text", "encoding"), [(SIMPLIFIED, "gb18030"), (TRADITIONAL, "big5"), (TRADITIONAL, "gbk")]
)
def test_short_texts_are_not_confused(text, encoding, length):
    for begin in range(0, len(text) - length, 7):
        piece = text[begin : begin + length]
        assert decode(piece.encode(encoding), "a.txt") == piece


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF8])
def test_byte_order_mark_is_believed_and_removed(mark):
    names = {
        codecs.BOM_UTF16_LE: "utf-16-le",
        codecs.BOM_UTF16_BE: "utf-16-be",
        codecs.BOM_UTF32_LE: "utf-32-le",
    }
    data = mark + SIMPLIFIED.encode(names.get(mark, "utf-8"))
    assert decode(data, "a.txt") == SIMPLIFIED


def test_english_in_utf16_without_a_mark():
    assert decode((ENGLISH * 3).encode("utf-16-le"), "a.txt") == ENGLISH * 3


def test_hong_kong_characters_outside_code_page_950():
    text = TRADITIONAL + "佢哋嘅嘢喺邊度？\n"
    with pytest.raises(UnicodeEncodeError):
        text.encode("cp950")
    assert decode(text.encode("big5hkscs"), "a.txt") == text


def test_a_long_english_preamble_does_not_hide_the_encoding():
    text = ENGLISH * 5000 + TRADITIONAL
    assert decode(text.encode("big5"), "a.txt") == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (
            "cp1252",
            "“It’s a café,” she said — and didn’t stop; the naïve young man had not expected that at all.\n",
        ),
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n"),
        ("euc_jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n"),
        (
            "cp949",
            "나는 고양이다. 이름은 아직 없다. 어디서 태어났는지 도무지 짐작이 가지 않는다.\n",
        ),
        (
            "cp1251",
            "Все счастливые семьи похожи друг на друга, каждая несчастливая семья по-своему.\n",
        ),
    ],
)
def test_other_languages_go_to_the_detector(encoding, text):
    assert decode(text.encode(encoding) * 20, "a.txt") == text * 20


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5"])
def test_damage_is_refused_with_its_offset(encoding):
    text = TRADITIONAL * 50
    data = bytearray(text.encode(encoding))
    at = len(text[:400].encode(encoding))
    data[at : at + 2] = b"\xff\xff"
    with pytest.raises(UserError, match=rf"book.txt is not .*offset {at} of {len(data)}"):
        decode(bytes(data), "book.txt")


def test_damage_far_behind_the_sample_is_refused():
    data = (SIMPLIFIED * 3000).encode("gb18030") + b"\xff\xff"
    with pytest.raises(UserError, match=f"offset {len(data) - 2} "):
        decode(data, "book.txt")


@pytest.mark.parametrize(
    "data",
    [
        random.Random(0).randbytes(5000),
        random.Random(0).randbytes(40),
        b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(3000),
        b"\x7fELF" + bytes(4000),
        b"%PDF-1.4 plain looking",
        b"PK\x03\x04" + b"a" * 500,
    ],
)
def test_binary_files_are_refused(data):
    with pytest.raises(UserError, match="book.txt"):
        decode(data, "book.txt")


def test_a_stray_control_character_is_no_reason_to_refuse():
    text = SIMPLIFIED + "\x00" + SIMPLIFIED
    assert decode(text.encode("utf-8"), "a.txt") == text
    assert decode(text.encode("gb18030"), "a.txt") == text


def test_encoding_overrides_the_recognition():
    data = "é".encode("latin-1")
    assert decode(data, "a.txt", "latin-1") == "é"
    assert decode(b"\xef\xbb\xbfabc", "a.txt", "utf-8") == "abc"
    assert decode("中".encode("utf-16"), "a.txt", "utf-16") == "中"
    assert decode("㐀镕".encode("gb18030"), "a.txt", "gb2312") == "㐀镕"
    with pytest.raises(UserError, match="offset 0 "):
        decode(data, "a.txt", "utf-8")


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "", "utf-8\0"])
def test_unknown_encoding_names_are_refused(name):
    with pytest.raises(UserError, match="`encoding`"):
        decode(b"abc", "a.txt", name)


def test_empty_and_ascii():
    assert decode(b"", "a.txt") == ""
    assert decode(ENGLISH.encode(), "a.txt") == ENGLISH


def test_big_files_are_judged_by_a_sample():
    data = (SIMPLIFIED * 60_000).encode("gb18030")  # 20 MB
    with promptly():
        decode(data, "a.txt")
