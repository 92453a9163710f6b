"""Preparation by a Beam pipeline: the files are those of `prepare_corpus`, bit for bit; mistakes are one line."""

import json
import logging
import os
import random
import re

import blocks
import pytest
from blocks import contents, random_text, write_several
from commands import error_line, run

from tf_gpt2 import files, long_texts
from tf_gpt2.data import elsewhere
from tf_gpt2.data.pipeline import launching, tokenising
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import Tokenizer

SETTINGS = {
    "tokenizer_kind": "characters",
    "vocab_size": 300,
    "min_char_count": 1,
    "encoding": None,
    "script": None,
    "validation_fraction": 0.05,
    "test_fraction": None,
    "split_seed": 0,
    "separator": None,
    "text_field": None,
}


@pytest.fixture
def small_tasks(monkeypatch):
    """What begins at megabytes begins at some hundred bytes; DirectRunner's threads see it too."""
    blocks.make_small(monkeypatch)
    monkeypatch.setattr(tokenising, "TOGETHER", 700)
    monkeypatch.setattr(files, "sync", lambda path: None)
    monkeypatch.setattr(files, "sync_tree", lambda path: None)


@pytest.fixture(autouse=True)
def _quiet():
    """Beam's warnings about Google's libraries, which nobody asked for."""
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


def _here(corpus, tmp_path, **settings):
    return prepare_corpus(corpus, cache_dir=tmp_path / "here", **{**SETTINGS, **settings}).folder


def _by_beam(corpus, tmp_path, *options, **settings):
    return elsewhere.prepare_at(
        corpus, tmp_path / "there", runner="DirectRunner", runner_options=options, **{**SETTINGS, **settings}
    )


def _assert_same(corpus, tmp_path, **settings):
    here = _here(corpus, tmp_path, **settings)
    place, there = _by_beam(corpus, tmp_path, **settings)
    assert place.name == here.name and contents(place) == contents(here)
    assert os.listdir(place.parent) == [place.name]  # the work is gone
    return there


@pytest.mark.beam
@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_files_of_several_kinds(tmp_path, kind, small_tasks):
    (tmp_path / "texts").mkdir()
    write_several(tmp_path / "texts")
    there = _assert_same([tmp_path / "texts"], tmp_path, tokenizer_kind=kind)
    assert len(there.documents) == 34 and (there.folder / "train.00002.bin").exists()


@pytest.mark.beam
@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_texts_that_are_held_out_whole(tmp_path, kind, small_tasks):
    """More than a hundred, of which one comes from several blocks."""
    texts = [random_text(seed, 1 + seed % 20).replace("<|endoftext|>", "") for seed in range(120)]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n=====\n".join(texts), "utf-8")
    (tmp_path / "texts" / "b.jsonl").write_text("\n".join(json.dumps(random_text(9, 300)) for _ in "ab"), "utf-8")
    settings = {"separator": "=====", "validation_fraction": 0.2, "test_fraction": 0.1, "split_seed": 3}
    there = _assert_same([tmp_path / "texts"], tmp_path, tokenizer_kind=kind, **settings)
    assert len(there.documents) > 100 and there.report.test_tokens and there.report.validation_tokens


@pytest.mark.beam
def test_long_texts_among_those_that_are_held_out_whole(tmp_path, small_tasks):
    """Their digest comes from all of their pieces."""
    (tmp_path / "texts").mkdir()
    for seed in range(110):
        (tmp_path / "texts" / f"{seed:03}.txt").write_text(random_text(seed, 400 if seed % 30 == 4 else 3), "utf-8")
    there = _assert_same([tmp_path / "texts"], tmp_path, validation_fraction=0.6)
    assert any(d.byte_length > 3000 and not d.cuts.train_end for d in there.documents)


@pytest.mark.beam
@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_a_text_without_line_breaks(tmp_path, kind, monkeypatch, small_tasks):
    monkeypatch.setattr(long_texts, "_LONGEST_LINE", 100)
    draw = random.Random(0)
    text = "".join(draw.choice(("话说天下大势，", "It was ", "a\u3000 b", "、。", "兵")) for _ in range(2000))
    (tmp_path / "line.txt").write_text(text, "utf-8")
    _assert_same([tmp_path / "line.txt"], tmp_path, tokenizer_kind=kind, script="traditional")


@pytest.mark.beam
def test_a_tokenizer_that_is_given(tmp_path, small_tasks):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    tokenizer = Tokenizer.train_bpe(["It was the best of times"], 280)
    _assert_same([tmp_path / "book.txt"], tmp_path, tokenizer=tokenizer, validation_fraction=0.0)


@pytest.mark.beam
def test_a_bucket(tmp_path, small_tasks):
    """TensorFlow's own ram:// stands for one: texts come from there, and the corpus goes there."""
    from tf_gpt2.locations import RemotePath, writing

    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    with writing(RemotePath("ram://bucket/texts/book.txt")) as file:
        file.write((tmp_path / "book.txt").read_bytes())
    here = _here([tmp_path / "book.txt"], tmp_path)
    place, there = elsewhere.prepare_at(
        "ram://bucket/texts/book.txt",
        "ram://bucket/prepared",
        runner="DirectRunner",
        cache_dir=tmp_path / "cache",
        **SETTINGS,
    )
    assert str(place) == f"ram://bucket/prepared/{here.name}"
    for name, data in contents(here).items():
        from tf_gpt2.locations import below, pieces

        assert b"".join(pieces(below(place, name))) == data, name
    assert there.tokenizer.to_json() == Tokenizer.load(here).to_json()


@pytest.mark.beam
def test_what_is_there_is_not_prepared_again_and_what_is_damaged_is(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    place, _ = _by_beam([tmp_path / "book.txt"], tmp_path)
    whole = contents(place)
    (place / "train.bin").write_bytes(b"")
    assert contents(_by_beam([tmp_path / "book.txt"], tmp_path)[0]) == whole
    monkeypatch.setattr(launching, "_run", lambda *_: pytest.fail("prepared again"))
    assert _by_beam([tmp_path / "book.txt"], tmp_path)[0] == place
    with pytest.raises(UserError, match="is prepared already"):
        _by_beam(place, tmp_path)


@pytest.mark.beam
@pytest.mark.slow
def test_processes_of_their_own(tmp_path):
    """As an engine's machines: nothing of this process is known there but what the steps are given."""
    (tmp_path / "texts").mkdir()
    write_several(tmp_path / "texts")
    here = _here([tmp_path / "texts"], tmp_path)
    options = ("direct_running_mode=multi_processing", "direct_num_workers=2")
    place, _ = _by_beam([tmp_path / "texts"], tmp_path, *options)
    assert contents(place) == contents(here)


def _left(tmp_path):
    return [path for path in (tmp_path / "there").rglob("*") if path.is_file()]


@pytest.mark.beam
@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.jsonl", '"天下"\n' * 300 + "{\n{\n", r"a\.jsonl line 301 is not"),
        ("a.txt", " \n", "a.txt is empty after cleaning"),
        ("a.txt", " \n" * 3000, "a.txt is empty after cleaning"),
        ("a.txt", "%PDF-1.4\n" * 400, "a PDF document"),
    ],
)
def test_a_mistake_in_a_file_is_the_line_that_it_is_without_beam(tmp_path, name, data, complaint, small_tasks):
    (tmp_path / name).write_text(data, "utf-8")
    with pytest.raises(UserError, match=complaint) as here:
        _here([tmp_path / name], tmp_path)
    with pytest.raises(UserError) as there:
        _by_beam([tmp_path / name], tmp_path)
    assert str(there.value) == str(here.value) and not _left(tmp_path)


@pytest.mark.beam
@pytest.mark.parametrize("lines", [3, 400])
def test_a_file_that_changes_is_one_line(tmp_path, lines, monkeypatch, small_tasks):
    book = tmp_path / "book.txt"
    book.write_text(random_text(0, lines), "utf-8")
    run_it = launching._run

    def meddle(*args):
        book.write_text(random_text(1, lines + 1), "utf-8")
        run_it(*args)

    monkeypatch.setattr(launching, "_run", meddle)
    with pytest.raises(UserError, match="it changed meanwhile"):
        _by_beam([book], tmp_path)
    assert not _left(tmp_path)


@pytest.mark.beam
@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--runner=Steam"], r"--runner=Steam must carry.*Steam.*log"),
        (
            ["--runner=DirectRunner", "--runner_option=direct_num_workers=few"],
            "--runner_option must be.*direct_num_workers.*few",
        ),
    ],
)
def test_an_engine_that_beam_does_not_know_is_one_line(tmp_path, flags, complaint):
    (tmp_path / "book.txt").write_text("一二三\n", "utf-8")
    line = error_line("tf_gpt2.prepare", f"--corpus={tmp_path}/book.txt", f"--output={tmp_path}/there", *flags)
    assert re.search(complaint, line) and not _left(tmp_path)


@pytest.mark.beam
def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "book.txt").write_text("一二三\n", "utf-8")
    (tmp_path / "there").write_text("a file")
    with pytest.raises(UserError, match="cannot write .*there") as caught:
        _by_beam([tmp_path / "book.txt"], tmp_path)
    assert "\n" not in str(caught.value)


def test_without_beam_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text("一二三\n", "utf-8")
    monkeypatch.setattr(launching.importlib.util, "find_spec", lambda name: None)
    line = error_line(
        "tf_gpt2.prepare", f"--corpus={tmp_path}/book.txt", f"--output={tmp_path}/there", "--runner=DirectRunner"
    )
    assert "--runner needs Apache Beam" in line and "make beam" in line


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--runner=DirectRunner"], "--runner needs --output"),
        (["--runner_option=a=1", "--output=x"], "--runner_option needs --runner"),
        (["--tokenizer=bpe", "--min_char_count=2"], "--min_char_count has no effect with --tokenizer=bpe"),
        (["--validation_fraction=2"], "--validation_fraction must be"),
    ],
)
def test_flags_without_effect_are_refused(flags, complaint):
    assert complaint in error_line("tf_gpt2.prepare", *flags)


def test_without_a_runner_this_machine_does_it(tmp_path):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    here = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "here", **SETTINGS).folder
    place, there = elsewhere.prepare_at([tmp_path / "book.txt"], tmp_path / "there", **SETTINGS)
    assert place == tmp_path / "there" / here.name == there.folder and contents(place) == contents(here)


def test_an_address_gets_a_copy_that_training_opens(tmp_path):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    options = {"cache_dir": tmp_path / "cache"}
    place, there = elsewhere.prepare_at([tmp_path / "book.txt"], "ram://copies", **options, **SETTINGS)
    again = prepare_corpus(str(place), **options)
    assert str(place) == f"ram://copies/{there.folder.name}"
    assert list(again.train.tokens[:]) == list(there.train.tokens)


@pytest.mark.slow
def test_the_command_says_where_the_corpus_lies(tmp_path):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    code, output, errors = run("tf_gpt2.prepare", f"--corpus={tmp_path}/book.txt", f"--output={tmp_path}/there")
    (folder,) = (tmp_path / "there").iterdir()
    assert code == 0 and output == f"{folder}\n" and "characters" in errors
