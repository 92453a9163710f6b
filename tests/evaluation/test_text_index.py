"""The suffix array against a search of everything."""

import random

import numpy as np
import pytest

from tf_gpt2.evaluation import text_index
from tf_gpt2.evaluation.text_index import TextIndex, build_index


def _index(folder, texts):
    build_index(folder, texts)
    return TextIndex.open(folder)


def _longest(pieces, passage, begin):
    """The longest run from `begin` that is among the pieces of the texts."""
    length = 0
    while begin + length < len(passage) and passage[begin : begin + length + 1] in pieces:
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
        pieces = {text[i:j] for text in texts for i in range(len(text)) for j in range(i + 1, len(text) + 1)}
        for _ in range(100):
            passage = "".join(rng.choices(alphabet, k=rng.choice([1, 5, 20])))
            if rng.random() < 0.3:
                begin = rng.randrange(len(texts[0]) + 1)
                passage = passage[:3] + texts[0][begin : begin + 150] + passage[3:]
            found = index.longest_matches(passage)
            assert found.lengths.tolist() == [_longest(pieces, passage, begin) for begin in range(len(passage))]
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


def test_one_character_repeated_is_not_looked_at_place_by_place(tmp_path, monkeypatch):
    """What follows it, and how far a run goes, takes few steps whatever the number of places."""
    index = _index(tmp_path, ["甲" * 300_000])
    looked = []
    pieces = TextIndex._pieces
    monkeypatch.setattr(text_index, "_PLACES", 1000)
    monkeypatch.setattr(TextIndex, "_pieces", lambda self, *given: looked.append(given) or pieces(self, *given))
    assert index.continuations("甲".encode() * 19, 2) == {"甲甲".encode()}
    assert len(looked) < 4


@pytest.mark.parametrize("size", [1, 63, 64, 511, 512, 513, 3000])
def test_a_long_run_ends_where_it_differs(tmp_path, size):
    rng = random.Random(size)
    text = "".join(rng.choices("abcdefgh", k=4000))
    index = _index(tmp_path, [text])
    found = index.longest_matches(text[5 : 5 + size] + "!" + text[:10])
    assert (found.lengths[0], found.lengths[size]) == (size, 0)
    assert found.places[0] == 5 or size < 8


def test_very_long_runs_are_copies_at_least_as_long_as_what_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(text_index, "_LONGEST_COMPARED", 90)
    rng = random.Random(3)
    pieces = ["".join(rng.choices("ab甲", k=60)) for _ in range(4)]
    texts = ["".join(rng.choices(pieces, k=30)) for _ in range(3)]
    index = _index(tmp_path, texts)
    passage = texts[0][7:200] + "乙" + texts[1][100:300] + "aaaa" * 10
    found = index.longest_matches(passage)
    for begin, (length, place) in enumerate(zip(found.lengths.tolist(), found.places.tolist(), strict=True)):
        run = passage[begin : begin + length].encode()
        assert index.bytes_at(place, place + len(run)) == run
        longest = 0
        while begin + longest < len(passage) and any(passage[begin : begin + longest + 1] in t for t in texts):
            longest += 1
        assert length == longest or 30 <= length <= longest
    assert found.lengths[0] >= 30


@pytest.mark.parametrize("places", [1 << 16, 3])
@pytest.mark.parametrize("characters", [1, 2, 3])
def test_what_follows_a_run_is_every_piece_that_does(tmp_path, monkeypatch, characters, places):
    monkeypatch.setattr(text_index, "_PLACES", places)
    rng = random.Random(characters)
    texts = ["".join(rng.choices("aé甲😀", k=400)) for _ in range(2)]
    index = _index(tmp_path, texts)
    for run in ["a", "é甲", "😀a甲", "甲" * 9, ""]:
        expected = {
            text[at + len(run) : at + len(run) + characters]
            for text in texts
            for at in range(len(text) - len(run) - characters + 1)
            if text.startswith(run, at)
        }
        assert index.continuations(run.encode(), characters) == {piece.encode() for piece in expected}
        assert index.occurs(run.encode()) == any(run in text for text in texts)
