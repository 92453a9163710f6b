"""The suffix array against a search of everything."""

import random

import numpy as np
import pytest

from tf_gpt2.evaluation.text_index import TextIndex, build_index


def _index(folder, texts):
    build_index(folder, texts)
    return TextIndex.open(folder)


def _longest(texts, passage, begin):
    length = 0
    while begin + length < len(passage) and any(passage[begin : begin + length + 1] in text for text in texts):
        length += 1
    return length


@pytest.mark.parametrize("alphabet", ["ab", "ab甲", "甲乙😀\n", "aé甲😀"])
def test_as_a_search_of_everything_finds_it(tmp_path, alphabet):
    rng = random.Random(len(alphabet))
    passages = 0
    for corpus in range(25):
        texts = ["".join(rng.choices(alphabet, k=rng.choice([0, 3, 40, 300]))) for _ in range(rng.choice([1, 3]))]
        (folder := tmp_path / str(corpus)).mkdir()
        index = _index(folder, texts)
        for _ in range(100):
            passage = "".join(rng.choices(alphabet, k=rng.choice([1, 5, 20])))
            if rng.random() < 0.3:
                begin = rng.randrange(len(texts[0]) + 1)
                passage = passage[:3] + texts[0][begin : begin + 150] + passage[3:]
            found = index.longest_matches(passage)
            assert found.lengths.tolist() == [_longest(texts, passage, begin) for begin in range(len(passage))]
            for begin, (length, place) in enumerate(zip(found.lengths, found.places, strict=True)):
                run = passage[begin : begin + length].encode()
                assert index.bytes_at(place, place + len(run)) == run
            passages += 1
    assert passages == 2500


def test_no_run_goes_over_the_border_of_two_texts(tmp_path):
    assert _index(tmp_path, ["abc", "def"]).longest_matches("abcdef").lengths.tolist() == [3, 2, 1, 3, 2, 1]


def test_nothing_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    assert _index(tmp_path / "empty", []).longest_matches("abc").lengths.tolist() == [0, 0, 0]
    assert _index(tmp_path, ["abc"]).longest_matches("").lengths.tolist() == []
    assert _index(tmp_path, ["a\0b"]).longest_matches("\0ab\ud800").lengths.tolist() == [0, 2, 1, 0]


def test_one_character_repeated_takes_no_quadratic_time(tmp_path):
    index = _index(tmp_path, ["甲" * 300_000])
    found = index.longest_matches("甲" * 20_000 + "乙")
    np.testing.assert_array_equal(found.lengths, np.arange(20_000, -1, -1))
