"""Entries of --corpus to files, files to books."""

import json
import logging
import os

import pytest

from tf_gpt2 import run_directory
from tf_gpt2.corpus.folders import what_is_made
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.errors import UserError


@pytest.fixture
def library(tmp_path):
    for name in [
        "b.txt",
        "a.txt",
        "deep/er/c.TXT",
        "notes.docx",
        "picture.png",
        ".hidden.txt",
        ".git/x.txt",
        "deep/d.jsonl",
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("话说天下大势", "utf-8")
    return tmp_path


def _names(folder, entries):
    return [str(path.relative_to(folder)) for path in expand_corpus(entries)]


def test_folders_are_searched_in_a_stable_order(library):
    assert _names(library, [library]) == ["a.txt", "b.txt", "deep/d.jsonl", "deep/er/c.TXT"]


def test_entries_keep_their_order_and_files_come_once(library):
    os.symlink(library / "a.txt", library / "z.txt")
    entries = [
        library / "b.txt",
        str(library / "*.txt"),
        library,
        library / "deep" / ".." / "a.txt",
    ]
    assert _names(library, entries) == ["b.txt", "a.txt", "deep/d.jsonl", "deep/er/c.TXT"]


def test_globs(library):
    assert _names(library, [f"{library}/**/*.[tT]*"]) == ["a.txt", "b.txt", "deep/er/c.TXT"]
    (library / "book [1].txt").write_text("x")
    assert _names(library, [f"{library}/book [1].txt"]) == ["book [1].txt"]


def test_links_in_a_circle_do_not_trap_the_search(library):
    os.symlink(library, library / "deep" / "up")
    assert len(expand_corpus([library])) == 4


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("nowhere.txt", "nowhere.txt does not"),
        ("notes.docx", "notes.docx is none of these"),
        ("*.epub", "matches none"),
        ("empty", "holds none"),
        ("   ", "empty"),
    ],
)
def test_entries_without_files_are_refused(library, monkeypatch, entry, complaint):
    (library / "empty").mkdir()
    monkeypatch.chdir(library)
    with pytest.raises(UserError, match=complaint) as caught:
        expand_corpus([entry])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "kind"),
    [
        (["training.json", "checkpoints/.lock"], "a run of this program"),
        (["training.json", "metrics.jsonl"], "a run of this program"),
        (["chain.json", "generations/1/training.json"], "a run of this program"),
        (["config.json", "model.safetensors"], "a model"),
        (["hparams.json", "encoder.json"], "a model"),
        (["site.json", "index.html"], "a page of this program"),
        (["models.config", "batching_parameters.txt"], "models for TensorFlow Serving"),
    ],
)
def test_what_this_program_makes_is_no_text_to_learn_from(library, caplog, entries, kind):
    for name in (*entries, "README.md", "samples/step-00000001.txt"):
        path = library / "deep" / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("话说天下大势", "utf-8")
    with caplog.at_level(logging.INFO, logger="tf_gpt2"):
        assert _names(library, [library]) == ["a.txt", "b.txt", "deep/d.jsonl", "deep/er/c.TXT"]
    assert f"deep/mine ({kind})" in caplog.text
    assert _names(library, [f"{library}/**/*.txt"]) == ["a.txt", "b.txt"]
    assert _names(library, [f"{library}/deep/mine/**/*.txt"])[-1] == "deep/mine/samples/step-00000001.txt"
    with pytest.raises(UserError, match=rf"must hold at least one .* \(folder .*mine \({kind}\)\)"):
        expand_corpus([library / "deep" / "mine"])


def test_the_names_of_a_run_are_those_of_its_directory():
    names = run_directory.TRAINING_FILE, run_directory.CHAIN_FILE
    assert what_is_made([names[0], run_directory.CHECKPOINTS]) == what_is_made(
        [names[0], run_directory.METRICS_FILE]
    )
    assert what_is_made([names[1], run_directory.GENERATIONS]) == "a run of this program"
    assert what_is_made([run_directory.CONFIG_FILE, run_directory.WEIGHTS_FILE]) == "a model"


def test_a_user_may_call_a_file_what_a_run_does(library):
    (library / "training.json").write_text('["却说"]', "utf-8")
    (library / "config.json").write_text("{}", "utf-8")
    assert "training.json" in _names(library, [library])


def test_no_entry_at_all_is_refused():
    with pytest.raises(UserError, match="at least one"):
        expand_corpus([])


def _books(tmp_path, name, content, **kwargs):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_books(path, **kwargs))


def test_txt(tmp_path):
    (book,) = _books(tmp_path, "三国演义.txt", "话说天下大势".encode("gb18030"))
    assert (book.title, book.text) == ("三国演义", "话说天下大势")
    (book,) = _books(tmp_path, "x.txt", "é".encode("latin-1"), encoding="latin-1")
    assert book.text == "é"


def test_jsonl_and_json(tmp_path):
    lines = [{"text": "一\u2028二", "title": "甲\n乙"}, {"text": "三", "title": 5}, "四"]
    written = "\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n"
    books = _books(tmp_path, "a.jsonl", written)
    assert [(b.title, b.text) for b in books] == [
        ("甲 乙", "一\u2028二"),
        ("a 2", "三"),
        ("a 3", "四"),
    ]
    books = _books(tmp_path, "train.json", json.dumps(["一", {"text": "二"}]))
    assert [(b.title, b.text) for b in books] == [("train 1", "一"), ("train 2", "二")]
    assert books[1].source.endswith("train.json item 2")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.jsonl", '{"text": "x"}\n{"text": ', "line 2 is not"),
        ("a.jsonl", '{"content": "x"}', r"line 1 is an object with fields \['content'\]"),
        ("a.jsonl", '{"text": 5}', '"text" string'),
        ("a.jsonl", "5", "a number"),
        ("a.json", '{"title": "x"}', r"line 1 is an object with fields \['title'\]"),
        ("a.json", '["x", null]', "item 2 is null"),
        ("a.json", "", "valid JSON"),
        ("a.json", "[" * 100_000, "flat list"),
    ],
)
def test_json_that_holds_no_texts_is_refused(tmp_path, name, content, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        _books(tmp_path, name, content)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_an_unreadable_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        list(read_books(tmp_path / "gone.txt"))


def test_one_path_needs_no_list(tmp_path):
    (tmp_path / "one.txt").write_text("却说", "utf-8")
    assert expand_corpus(str(tmp_path)) == expand_corpus([tmp_path]) == [tmp_path / "one.txt"]
