"""Debris goes, words stay."""

import random
import re

import pytest
from promises import promptly

from tf_gpt2.corpus import cleaning
from tf_gpt2.corpus.cleaning import clean, replace_lone_surrogates, visible, visible_length


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("　　话说天下\n　　大势", "话说天下\n大势"),
        ("\t话说\t天下 \n", "话说 天下"),
        ("第一回\r\n\r\n\r\n话说\r天下\r\n", "第一回\n话说\n天下"),
        ("第一回　宴桃园\n\n  \n\t滚滚长江", "第一回 宴桃园\n滚滚长江"),
        ("\ufeff话\u200b说\x00天\x07下\x7f\u00ad", "话说天下"),
        ("话说\u2028天下\u0085大势", "话说\n天下\n大势"),
        ("话说\u200d天下", "话说天下"),
        ("\u202e话说\u2066", "话说"),
        ("\ufffe\uffff", ""),
        (" \n\t\u3000\n", ""),
        ("", ""),
        ("说😀好", "说😀好"),
        (
            "一家\U0001f468\u200d\U0001f469\u200d\U0001f467团圆",
            "一家\U0001f468\u200d\U0001f469\u200d\U0001f467团圆",
        ),
        ("心❤\ufe0f\u200d🔥", "心❤\ufe0f\u200d🔥"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("cafe\u0301", "cafe\u0301"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_normal_form(raw, expected):
    assert clean(raw) == expected
    assert clean(expected) == expected


def test_chinese_paragraphs_are_one_line_feed_apart_and_english_ones_keep_a_blank_line():
    assert clean("话说天下大势。\n\n\n\n分久必合。") == "话说天下大势。\n分久必合。"
    wrapped = "\n\nIt was the best\nof times.\n\n\n\nIt was the worst\nof times.\n\n"
    assert clean(wrapped) == "It was the best\nof times.\n\nIt was the worst\nof times."


def test_words_of_a_page_survive_in_order():
    raw = "　　“你好！”\t他说……\r\n\r\n——《临江仙》（Tom’s 1st）"
    assert "".join(clean(raw).split()) == "".join(raw.split())


def test_surrogate_pairs_join_and_single_ones_are_replaced():
    assert replace_lone_surrogates("\ud83d\ude00") == "😀"
    assert replace_lone_surrogates("\udc00x\ud800") == "\ufffdx\ufffd"
    assert replace_lone_surrogates("\ud800\ud800\udc00") == "\ufffd\U00010000"


@pytest.mark.parametrize("unit", [" ", "\n", "\u200d", "好", "　 \t", " \n", "\x00", "\u200b好"])
def test_time_is_linear_in_any_single_repetition(unit):
    with promptly():
        clean("字" + unit * 1_000_000 + "字")


def test_what_is_clean_already_is_what_cleaning_gives(monkeypatch):
    letters = "ab 天。\t\n\r\x0b\x1c\x85\u2028\u3000\xa0\u200b\u200c\u200d\ufeff\x00\x7f\ud800\udc00\xad\uffff"
    picks = random.Random(0)
    texts = ["".join(picks.choices(letters, k=picks.randrange(8))) for _ in range(20_000)]
    texts += ["".join(picks.choices("a 天", k=picks.randrange(8))) for _ in range(2_000)] + list(
        map(chr, range(0x3100))
    )
    quickly = [clean(text) for text in texts]
    monkeypatch.setattr(cleaning, "_UNCLEAN", re.compile("", re.DOTALL))
    assert quickly == [clean(text) for text in texts]


def test_a_long_text_is_as_visible_as_a_short_one():
    everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x10100))))
    pieces = [everything[begin : begin + 100] for begin in range(0, len(everything), 100)]
    for piece in pieces:
        assert visible_length(piece) == len(visible(piece))
    assert visible(everything) == "".join(map(visible, pieces)) != everything
    words = "It was the best of times. " * 1000
    assert visible(words) == words and visible_length(words) == len(words)
