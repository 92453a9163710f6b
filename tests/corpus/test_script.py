"""Conversion between scripts."""

import pytest

from tf_gpt2.corpus.script import convert_script, is_alphabetic, is_traditional
from tf_gpt2.errors import UserError

SIMPLIFIED = "话说天下大势，汉朝自高祖斩白蛇而起义。皇后的头发后来白了，吃面去。"
TRADITIONAL = "話說天下大勢，漢朝自高祖斬白蛇而起義。皇后的頭髮後來白了，吃麵去。"


def test_both_directions_by_word_not_by_character():
    assert convert_script(SIMPLIFIED, "traditional") == TRADITIONAL
    assert convert_script(TRADITIONAL, "simplified") == SIMPLIFIED


def test_text_in_the_wanted_script_is_left_alone():
    assert convert_script(SIMPLIFIED, "simplified") == SIMPLIFIED
    already = TRADITIONAL + "呂后干政，天下大亂，鄰里驚惶。"
    assert convert_script(already, "traditional") == already
    assert is_traditional(TRADITIONAL) and not is_traditional(SIMPLIFIED)


def test_no_conversion():
    assert convert_script(SIMPLIFIED, None) is SIMPLIFIED
    assert convert_script("", "traditional") == ""


def test_long_text_is_cut_at_line_ends_only():
    text = (SIMPLIFIED + "\n") * 40_000
    assert convert_script(text, "traditional") == (TRADITIONAL + "\n") * 40_000


@pytest.mark.parametrize("script", ["Simplified", "zh-tw", ""])
def test_unknown_scripts_are_refused(script):
    with pytest.raises(UserError, match="`script`"):
        convert_script("话", script)


@pytest.mark.parametrize(
    ("text", "alphabetic"),
    [
        ("It was the best of times, 1859.", True),
        ("Все счастливые семьи похожи друг на друга", True),
        ("却说曹操引兵至濮阳城下 and the", False),
        ("吾輩は猫である。", False),
        ("「……」", False),
        ("", False),
    ],
)
def test_alphabets_are_told_from_characters(text, alphabetic):
    assert is_alphabetic(text) is alphabetic
