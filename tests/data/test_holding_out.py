"""Which texts are held out, and how."""

import random

import numpy as np
import pytest

from tf_gpt2.data.holding_out import TEST_FROM_CHARACTERS, Cuts, Shares, hold_out


def _divide(texts, **shares):
    shares = Shares(**shares)
    lengths = np.array([len(text) for text in texts], np.int64)
    digests = np.array([shares.digest(text.encode()) for text in texts], "V16")
    return [Cuts(*cuts) for cuts in hold_out(lengths, digests, shares).tolist()]


def _held(cuts, split):
    return [number for number, cut in enumerate(cuts) if cut.span(split)[0] < cut.span(split)[1]]


def test_books_give_their_tails():
    (cut,) = _divide(["x" * 1000], validation=0.1, test=0.05)
    assert [cut.span(split) for split in ("train", "validation", "test")] == [(0, 850), (850, 950), (950, 1000)]


@pytest.mark.parametrize("characters", [TEST_FROM_CHARACTERS - 1, TEST_FROM_CHARACTERS])
def test_a_test_span_by_default_from_a_length_on(characters):
    (cut,) = _divide(["x" * characters])
    begin, end = cut.span("test")
    assert end - begin == (round(0.02 * characters) if characters == TEST_FROM_CHARACTERS else 0)


def test_from_a_hundred_texts_on_whole_ones():
    texts = [f"poem {i}" * (1 + i % 7) for i in range(20_000)]
    cuts = _divide(texts, validation=0.1, test=0.05)
    for text, cut in zip(texts, cuts, strict=True):
        assert sorted(end - begin for begin, end in map(cut.span, ("train", "validation", "test"))) == [
            0,
            0,
            len(text),
        ]
    sizes = {split: sum(len(texts[i]) for i in _held(cuts, split)) for split in ("validation", "test")}
    total = sum(map(len, texts))
    assert sizes["validation"] == pytest.approx(0.1 * total, rel=0.1)
    assert sizes["test"] == pytest.approx(0.05 * total, rel=0.1)


def test_the_text_decides_not_its_place():
    texts = [f"poem number {i}" for i in range(300)]
    before = {texts[i] for i in _held(_divide(texts), "validation")}
    random.Random(0).shuffle(texts)
    assert {texts[i] for i in _held(_divide(texts), "validation")} == before
    assert {texts[i] for i in _held(_divide(texts, seed=1), "validation")} != before


@pytest.mark.parametrize(("before", "after"), [(110, 2000), (500, 501), (800, 4000)])
def test_a_text_stays_on_its_side_when_others_come(before, after):
    """Those who were trained on never decide; of the last case the larger corpus alone has a test span."""
    texts = [f"poem number {i}, of some words" for i in range(after)]
    few, many = _divide(texts[:before], validation=0.1), _divide(texts, validation=0.1)
    assert _held(few, "validation") == [i for i in _held(many, "validation") if i < before]
    assert set(_held(few, "test")) <= set(_held(many, "test"))
    if after < 4000:
        assert few == many[:before]


def test_no_side_stays_empty_that_must_not_be():
    texts = [f"poem {i % 3}" for i in range(120)]
    for seed in range(30):
        cuts = _divide(texts, validation=0.3, test=0.3, seed=seed)
        assert all(_held(cuts, split) for split in ("train", "validation", "test"))
    assert _held(_divide(["poem"] * 120, validation=0.9), "train") == list(range(120))


def test_equal_texts_come_to_one_side():
    texts = [f"poem {i % 120}" for i in range(600)]
    cuts = _divide(texts, validation=0.2, test=0.1)
    sides = {split: {texts[i] for i in _held(cuts, split)} for split in ("train", "validation", "test")}
    assert all(sides.values())
    assert sum(map(len, sides.values())) == 120


def test_one_long_text_among_short_ones_is_trained_on():
    texts = ["novel " * 100_000, *(f"poem {i}" for i in range(200))]
    cuts = _divide(texts, validation=0.05)
    assert cuts[0].span("train") == (0, len(texts[0]))
    for seed in range(40):  # of which some draw the novel
        cuts = _divide(texts, validation=0.05, seed=seed)
        assert cuts[0].span("train") == (0, len(texts[0]))
        assert 1 <= len(_held(cuts, "validation")) <= 21 and 1 <= len(_held(cuts, "test")) <= 13


def test_a_share_smaller_than_any_text_still_holds_one_out():
    cuts = _divide([f"a longer poem, number {i}" for i in range(100)], validation=0.0001)
    assert len(_held(cuts, "validation")) == 1
    assert not _held(_divide([f"poem {i}" for i in range(100)], validation=0), "validation")
