"""Scores of written text, on examples whose result is computed by hand."""

import math

import pytest

from tf_gpt2.evaluation.text_scores import (
    answer_f1,
    bleu,
    bleu_words,
    conversation_f1,
    exact_match,
    normalise_answer,
    rouge,
)


def test_answers_are_normalised_as_the_published_scripts_do():
    assert normalise_answer("  The U.S. Army's, an\tapple! ") == "us armys apple"
    assert normalise_answer("theatre") == "theatre"
    assert exact_match("the 14 December 1972", ["1972", "14 December, 1972"])
    assert not exact_match("December 1972", ["14 December 1972 UTC", "14 December 1972"])


def test_f1_counts_common_words_as_often_as_both_have_them():
    # common: white, cat (1 of the 2 cats): 2; 2 * 2 / (3 + 4)
    assert answer_f1("a white cat cat", "the cat sat white still") == pytest.approx(4 / 7)
    assert answer_f1("the", "") == 1.0 and answer_f1("a", "cat") == 0.0 and answer_f1("dog", "cat") == 0.0


def test_of_several_people_each_is_left_out_once():
    assert conversation_f1("white", ["white"]) == 1.0
    # against yes, white, off white: scores 0, 1, 2/3; leaving out each: max(1, 2/3), max(0, 2/3), max(0, 1)
    assert conversation_f1("white", ["yes", "white", "off white"]) == pytest.approx((1 + 2 / 3 + 1) / 3)


def test_words_of_bleu():
    assert bleu_words('He said: "1,000.5 dollars (e.g. 3-4)," Mr. X&amp;Y.') == [
        *("He", "said", ":", '"', "1,000.5", "dollars", "(", "e", ".", "g", ".", "3", "-", "4", ")", ",", '"'),
        *("Mr", ".", "X", "&", "Y", "."),
    ]  # fmt: skip


def test_bleu_of_a_corpus():
    # 7 words against 6: 5 of 7, 3 of 6, 2 of 5, 1 of 4
    text, reference = "the cat sat on the big mat", "the cat sat on a mat"
    expected = 100 * ((5 / 7) * (3 / 6) * (2 / 5) * (1 / 4)) ** 0.25
    assert bleu([text], [reference]) == pytest.approx(expected)
    assert bleu([reference], [reference]) == pytest.approx(100)
    # two sentences: counts are added up, 4 + 4 and 3 + 3, 2 + 2, 1 + 1 matches; 8 words of 12 wanted
    short = bleu(["the cat sat on", "a dog ran off"], ["the cat sat on a mat", "a dog ran off in fear"])
    assert short == pytest.approx(100 * math.exp(1 - 12 / 8))


def test_bleu_where_an_order_has_no_match():
    # 2 of 4 words, 0 of 3, 0 of 2, 0 of 1: 1/(2*3), 1/(4*2), 1/(8*1)
    found = bleu(["a x b y"], ["a b c d"])
    assert found == pytest.approx(100 * ((2 / 4) * (1 / 6) * (1 / 8) * (1 / 8)) ** 0.25)
    assert bleu(["x"], ["a"]) == 0.0 and bleu([""], ["a b c d"]) == 0.0


def test_rouge_of_a_summary():
    # 6 words against 7: the cat s under the big bed
    found = rouge("the cat was under the bed", "The cat's under the big bed.")
    assert found["rouge_1"] == pytest.approx(2 * 5 / 13)  # the, cat, under, the, bed
    assert found["rouge_2"] == pytest.approx(2 * 2 / 11)  # the cat; under the
    assert found["rouge_l"] == pytest.approx(2 * 5 / 13)  # the cat under the bed
    assert rouge("b a", "a b") == {"rouge_1": 1.0, "rouge_2": 0.0, "rouge_l": pytest.approx(0.5)}
    assert rouge("", "a b") == {"rouge_1": 0.0, "rouge_2": 0.0, "rouge_l": 0.0}
