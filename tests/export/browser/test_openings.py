"""Openings come from the books of the run, where its prepared corpus is still in the cache."""

import json

import numpy as np
import pytest

from export.browser.openings import CHINESE, ENGLISH, _spread, book_openings, read_openings
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import Tokenizer

PARAGRAPH = "却说曹操引兵，追赶玄德。一行人马，望风而走，不在话下。\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_GPT2_CACHE", str(tmp_path / "cache"))
    (tmp_path / "甲.txt").write_text(PARAGRAPH * 40, "utf-8")
    (tmp_path / "乙.txt").write_text(PARAGRAPH.replace("曹操", "孔明") * 40, "utf-8")
    corpus = prepare_corpus([tmp_path / "甲.txt", tmp_path / "乙.txt"])
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "training.json").write_text(json.dumps({"corpus": {"prepared": corpus.folder.name}}))
    return run_dir, corpus


def test_every_book_gives_the_beginnings_of_its_paragraphs(run):
    run_dir, corpus = run
    openings = dict(book_openings(run_dir, corpus.tokenizer))
    assert openings == {"甲": ["却说曹操引兵，"], "乙": ["却说孔明引兵，"]}


def _spread_over(text, count=6):
    class Letters:
        def decode(self, ids, skip_special_tokens):
            return "".join(map(chr, ids))

    return _spread(np.array([*map(ord, text)]), Letters(), count)


def test_of_text_with_spaces_the_first_words_of_paragraphs_are_taken_and_not_of_lines():
    heading, speech = (
        "CHAPTER THE FIRST OF THIS BOOK OF OLD",
        '"What?" said he, when nobody had asked for it at all.',
    )
    wrapped = (
        "Honestly, I shouldn't know what to do without\nhim. On broader lines he is like those chappies who sit"
    )
    other = "The man came, as he had said he\nwould, and went into the house that night"
    short = "Not a word."
    text = "\n\n".join([heading, speech, wrapped, short, other] * 30)
    found = _spread_over(text)
    assert sorted(found) == ["Honestly, I shouldn't know what", "The man came,"]
    russian = "Солнце вставало над степью, и ветер гнал пыль по дороге.\n" * 60
    assert _spread_over(russian) == ["Солнце вставало над степью,"]


def test_a_chinese_heading_with_a_space_is_no_opening():
    assert _spread_over("第一回的 宴桃园豪杰三结义\n却说玄德大喜，道 OK 而走。\n" * 80) == ["却说玄德大喜，"]


@pytest.mark.parametrize("damage", ["index", "tokens", "gone", "name", "none"])
def test_without_the_corpus_there_are_common_words(run, damage):
    run_dir, corpus = run
    if damage == "index":
        (corpus.folder / "index.json").write_text('{"version": 1}')
    elif damage == "tokens":
        (corpus.folder / "train.bin").write_bytes(b"\0")
    elif damage == "gone":
        (run_dir / "training.json").write_text(json.dumps({"corpus": {"prepared": "0" * 32}}))
    elif damage == "name":
        (run_dir / "training.json").write_text(
            json.dumps({"corpus": {"prepared": f"../corpora/{corpus.folder.name}"}})
        )
    else:
        (run_dir / "training.json").unlink()
    assert book_openings(run_dir, corpus.tokenizer) == [("", list(CHINESE))]
    assert book_openings(run_dir, Tokenizer.train_characters(["abc"])) == [("", list(ENGLISH))]


def test_a_file_of_openings(tmp_path):
    path = tmp_path / "openings.txt"
    path.write_text("甲\t却说\n次日\n\n甲\t那人\n", "utf-8")
    assert read_openings(path) == [("甲", ["却说", "那人"]), ("", ["次日"])]
    for content in (b"\n", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="`openings`"):
            read_openings(path)
