"""Copied runs with their places, and the figures of a text."""

import json

import pytest
from commands import call, error_line

from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.evaluation import originality
from tf_gpt2.evaluation.originality import baseline, corpus_index, measure, sentence

pytestmark = pytest.mark.usefixtures("eager")
FIRST = "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。及秦灭之后，楚汉分争，又并入于汉。"
SECOND = "次日，于桃园中，备下乌牛白马祭礼等项，三人焚香再拜而说誓曰：念刘备、关羽、张飞，虽然异姓。"


@pytest.fixture
def prepared(tmp_path):
    for name, text in (("one", FIRST), ("two", SECOND)):
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    return prepare_corpus(
        [tmp_path / "one.txt", tmp_path / "two.txt"], cache_dir=tmp_path / "cache", validation_fraction=0
    )


def test_a_planted_copy_is_found_with_book_place_and_words_around(prepared):
    copied = SECOND[10:34]
    (found,) = corpus_index(prepared).copied_runs("却说玄德大喜。" + copied + "曹操大怒，引兵而去。")
    assert (found.begin, found.length, found.book, found.offset) == (7, 24, "two", 10)
    assert (found.before, found.after) == (SECOND[:10], SECOND[34 : 34 + 40])


def test_a_part_of_a_run_is_no_run_of_its_own_and_runs_may_overlap(prepared):
    index = corpus_index(prepared)
    assert [r.length for r in index.copied_runs(FIRST)] == [len(FIRST)]
    text = "天下大势，分久必合，合久必分。" + "并入于汉。"
    assert [(r.begin, r.length) for r in index.copied_runs(text, 5)] == [(0, 15), (15, 5)]
    assert index.copied_runs(text) == []


def test_the_figures(prepared):
    text = FIRST[:25] + "甲乙丙丁戊"
    figures = measure(corpus_index(prepared), [text, "甲乙丙丁戊己庚辛"])
    assert figures["longest_copied_run"] == 25
    assert figures["copied_share"] == 25 / 38
    grams = [t[i : i + 4] for t in (text, "甲乙丙丁戊己庚辛") for i in range(len(t) - 3)]
    assert figures["distinct_4"] == len(set(grams)) / len(grams) == 30 / 32
    # The pairs of the copy are known; 分甲 and those of ten heavenly stems are not.
    pairs = [t[i : i + 2] for t in (text, "甲乙丙丁戊己庚辛") for i in range(len(t) - 1)]
    known = sum(pair in FIRST or pair in SECOND for pair in pairs)
    assert figures["new_pairs_share"] == pytest.approx(1 - known / len(pairs))
    assert figures["repeated_share"] == 0
    twice = measure(corpus_index(prepared), ["甲乙丙丁戊己庚辛壬癸" * 5])
    assert twice["repeated_share"] == 40 / 50


def test_alphabets_count_in_words(tmp_path):
    text = "It was the best of times, it was the worst of times, it was the age of wisdom."
    (tmp_path / "tale.txt").write_text(text, "utf-8")
    corpus = prepare_corpus([tmp_path / "tale.txt"], cache_dir=tmp_path / "cache", validation_fraction=0)
    index = corpus_index(corpus)
    assert index.alphabetic and index.least == 8
    (found,) = index.copied_runs("Now it was the worst of times, it was a day")
    assert found.length == len(" it was the worst of times, it was ")
    assert index.copied_runs("Now it was the worst of times, no") == []  # seven words
    figures = measure(index, ["It was the best of dragons"])
    assert figures["new_words_share"] == 1 / 6


def test_the_baseline_is_the_author_against_himself(tmp_path):
    repeated = (
        "".join(f"第{i}回且听下回分解。" for i in range(50))
        + "诗曰：滚滚长江东逝水，浪花淘尽英雄。是非成败转头空。"
    )
    text = repeated + "诗曰：滚滚长江东逝水，浪花淘尽英雄。是非成败转头空。"
    (tmp_path / "a.txt").write_text(text, "utf-8")
    corpus = prepare_corpus([tmp_path / "a.txt"], cache_dir=tmp_path / "cache", validation_fraction=26 / len(text))
    index = corpus_index(corpus)
    assert baseline(index, corpus) == 1.0
    assert baseline(index, corpus, least=60) == 0.0
    whole = prepare_corpus([tmp_path / "a.txt"], cache_dir=tmp_path / "cache", validation_fraction=0)
    assert baseline(corpus_index(whole), whole) is None


@pytest.mark.parametrize("name", ["index.json", "suffixes.bin", "text.bin"])
def test_the_index_is_kept_and_made_again_when_it_is_damaged(prepared, monkeypatch, name):
    corpus_index(prepared)
    build = originality._build
    monkeypatch.setattr(originality, "_build", lambda *args: pytest.fail("built again"))
    corpus_index(prepared)
    (prepared.folder / originality.INDEX_FOLDER / name).write_bytes(b"{")
    monkeypatch.setattr(originality, "_build", build)
    assert [r.length for r in corpus_index(prepared).copied_runs(FIRST)] == [len(FIRST)]


def test_the_command_ends_in_one_json_object(tmp_path, served_run_dir, monkeypatch):
    (tmp_path / "one.txt").write_text(FIRST, "utf-8")
    (tmp_path / "mine.txt").write_text("却说曹操。" + FIRST[3:30] + "引兵大喜。", "utf-8")
    code, output, errors = call(
        "tf_gpt2.originality",
        f"--run_dir={served_run_dir}",
        f"--corpus={tmp_path / 'one.txt'}",
        f"--text_file={tmp_path / 'mine.txt'}",
    )
    assert code == 0, errors
    figures = json.loads(output.splitlines()[-1])
    assert (figures["longest_copied_run"], figures["texts"], figures["baseline_copied_share"]) == (27, 1, None)
    assert figures["runs"][0]["copied"] == FIRST[3:30] and figures["runs"][0]["offset"] == 3
    assert "in one at character 3" in errors


def test_what_it_cannot_measure_is_one_line(tmp_path, served_run_dir):
    assert "give --corpus" in error_line("tf_gpt2.originality", f"--run_dir={served_run_dir}")
    (tmp_path / "empty.txt").write_text(" ", "utf-8")
    (tmp_path / "one.txt").write_text(FIRST, "utf-8")
    common = (f"--run_dir={served_run_dir}", f"--corpus={tmp_path / 'one.txt'}")
    assert "must hold text" in error_line("tf_gpt2.originality", *common, f"--text_file={tmp_path / 'empty.txt'}")
    both = (f"--text_file={tmp_path / 'one.txt'}", "--seed=3")
    assert "--seed has no effect with --text_file" in error_line("tf_gpt2.originality", *common, *both)


def test_sample_says_what_is_copied_and_keeps_copies_out(tmp_path, served_run_dir):
    (tmp_path / "one.txt").write_text(FIRST, "utf-8")
    common = (f"--run_dir={served_run_dir}", f"--corpus={tmp_path / 'one.txt'}", "--seed=1", "--max_new_tokens=20")
    code, output, errors = call("tf_gpt2.sample", *common, "--avoid_copying=5", "--originality")
    assert code == 0, errors
    assert "originality: 0.0 % in copied runs" in errors and output.strip()
    assert not any(FIRST[at : at + 5] in output for at in range(len(FIRST) - 4))


def test_flags_of_sample_that_would_do_nothing_are_refused(tmp_path, served_run_dir):
    common = ("tf_gpt2.sample", f"--run_dir={served_run_dir}")
    assert "--corpus has no effect without --avoid_copying" in error_line(*common, "--corpus=one.txt")
    assert "--originality has no effect with --interactive" in error_line(*common, "--interactive", "--originality")
    assert "--avoid_copying must be 0 or at least 5" in error_line(*common, "--avoid_copying=2")
    assert "give --corpus" in error_line(*common, "--avoid_copying=9")


def test_one_line_for_what_was_copied(prepared):
    index = corpus_index(prepared)
    line = sentence(measure(index, ["却说" + FIRST[:25]]))
    assert line == "originality: 92.6 % in copied runs, the longest of 25 characters from one"
    assert sentence(measure(index, ["却说"])) == "originality: 0.0 % in copied runs"
