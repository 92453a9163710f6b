"""Figures and conventions against examples computed by hand."""

import math

import numpy as np
import pytest

from tf_gpt2.evaluation.figures import CONVENTIONS, calibration, figures_of, loss_by_position


def test_every_unit_of_a_chinese_text():
    figures = figures_of(6 * math.log(2), 3, ["却说", "曹x"])
    assert (figures["tokens"], figures["characters"], figures["bytes"]) == (3, 4, 10)
    assert figures["bits_per_token"] == pytest.approx(2) and figures["perplexity_per_token"] == pytest.approx(4)
    assert figures["bits_per_character"] == pytest.approx(1.5)
    assert figures["bits_per_byte"] == pytest.approx(0.6)
    assert "words" not in figures


def test_words_are_counted_in_alphabets():
    figures = figures_of(10.0, 5, ["It's the best of times, isn't it?", "Yes. No."])
    assert figures["words"] == 9
    assert figures["nats_per_word"] == pytest.approx(10 / 9)


def test_calibration_bins_of_equal_width():
    found = calibration(
        np.array([0.25, 0.25, 0.25, 0.25, 0.95, 1.0]), np.array([True, False, False, False, True, False])
    )
    assert found["bins"] == [
        {"tokens": 4, "probability": 0.25, "came": 0.25},
        {"tokens": 2, "probability": pytest.approx(0.975), "came": 0.5},
    ]
    assert found["expected_calibration_error"] == pytest.approx(2 / 6 * 0.475)


def test_loss_by_position_in_spans_that_double():
    rows = loss_by_position(np.array([5.0, 4.0, 3.0, 1.0, 2.0]), np.array([0, 1, 2, 3, 5]))
    assert [(r["from"], r["to"], r["tokens"], r["nats_per_token"]) for r in rows] == [
        (0, 0, 1, 5.0),
        (1, 1, 1, 4.0),
        (2, 3, 2, 2.0),
        (4, 5, 1, 2.0),
    ]


def test_the_conventions_name_what_papers_differ_in():
    assert {"text", "first_token", "end_of_text", "windows", "word"} <= set(CONVENTIONS)
