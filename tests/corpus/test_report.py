"""The corpus report."""

import dataclasses
import time

import numpy as np

from tf_gpt2.corpus.counting import CODE_POINTS
from tf_gpt2.corpus.report import BookReport, CorpusReport, character_figures, format_report


def _report(books):
    return CorpusReport(
        books=tuple(books),
        characters=sum(b.characters for b in books),
        validation_characters=7,
        test_characters=3,
        distinct_characters=5,
        rare_characters=2,
        uncovered_characters=1,
        vocabulary_share=0.99999,
        vocabulary_size=261,
        tokenizer_kind="characters",
        train_tokens=sum(b.train_tokens for b in books),
        validation_tokens=sum(b.validation_tokens for b in books),
        test_tokens=sum(b.test_tokens for b in books),
    )


def test_figures_from_counts():
    counts = np.zeros(CODE_POINTS, np.int64)
    counts[[ord("话"), ord("说"), ord("天")]] = [10, 2, 8]
    figures = character_figures(counts, lambda characters: np.array([c != "说" for c in characters]))
    assert figures == {
        "characters": 20,
        "distinct_characters": 3,
        "rare_characters": 1,
        "uncovered_characters": 1,
        "vocabulary_share": 0.9,
    }


def test_columns_line_up_with_wide_titles_and_the_share_is_not_rounded_up():
    text = format_report(
        _report([BookReport("三国演义", 596155, 566348, 30065, 12000), BookReport("Emma", 10, 9, 2)])
    )
    lines = text.splitlines()
    assert lines[1].startswith("三国演义  ") and lines[2].startswith("Emma      ")
    assert lines[3].split() == ["2", "books", "596,165", "566,357", "30,067", "12,000"]
    # A Chinese character fills two columns, so equal columns mean four characters fewer here.
    assert len(lines[0]) == len(lines[1]) + 4 == len(lines[2]) == len(lines[3])
    assert "99.99 %" in text and "100.00 %" not in text


def test_many_books_show_both_ends_and_the_total():
    text = format_report(_report([BookReport(f"book {i}", 10, 9, 2) for i in range(1000)]))
    assert "book 0" in text and "book 999" in text and "book 500" not in text
    assert "… 988 more" in text and "1,000 books" in text


def test_titles_cannot_control_the_terminal():
    text = format_report(_report([BookReport("\x1b[2Jtitle\n" + "很长" * 40, 10, 9, 2)]))
    assert "\x1b" not in text and "…" in text.splitlines()[1]


def test_marks_that_would_be_learned_are_counted_and_the_flag_is_named():
    report = _report([BookReport("tweets", 10, 9, 2)])
    assert "separator" not in format_report(report)
    assert "400 lines with <|endoftext|>" in format_report(dataclasses.replace(report, marked_lines=400))
    assert "--separator=" in format_report(dataclasses.replace(report, marked_lines=1))


def test_a_title_as_long_as_a_file_is_cut_at_once():
    begin = time.process_time()
    text = format_report(_report([BookReport("很长" * 500_000, 10, 9, 2)]))
    assert time.process_time() - begin < 1 and len(text) < 1000
