"""Reading large files in blocks, shards, and going on after a kill change nothing of what is written."""

import json
import os
import random
import signal
import subprocess
import sys

import blocks
import numpy as np
import pytest
from blocks import contents, random_text
from commands import ROOT

from tf_gpt2 import long_texts
from tf_gpt2.corpus import large_files
from tf_gpt2.data import journal, reading_workers, sources, spooling
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import read_prepared
from tf_gpt2.errors import UserError


@pytest.fixture
def small_blocks(monkeypatch):
    """What begins at megabytes begins at some hundred bytes."""
    blocks.make_small(monkeypatch)


def _facts(corpus):
    """All that a prepared corpus says, however its files are cut."""
    return {
        "streams": {
            split: (np.asarray(stream.tokens).tolist(), stream.unpredicted.tolist(), stream.characters)
            for split, stream in corpus.streams.items()
        },
        "tokenizer": corpus.tokenizer.to_json(),
        "report": {**vars(corpus.report), "books": list(corpus.report.books)},
        "documents": list(corpus.documents),
        "texts": (list(corpus.training_texts()), list(corpus.held_out_texts())),
    }


def _both_ways(files, cache, monkeypatch, request, **settings):
    """The same files read whole and in blocks."""
    whole = _facts(prepare_corpus(files, cache_dir=cache / "whole", **settings))
    request.getfixturevalue("small_blocks")
    corpus = prepare_corpus(files, cache_dir=cache / "blocks", **settings)
    assert len(corpus.train) <= 256 or (corpus.folder / "train.00001.bin").exists()
    return whole, _facts(corpus)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_a_text_in_blocks_is_the_whole_text(tmp_path, kind, encoding, monkeypatch, request):
    for seed in range(3):
        text = random_text(seed) if encoding != "gb18030" else random_text(seed).replace("😀", "")
        (tmp_path / f"{seed}.txt").write_bytes(text.encode(encoding))
    whole, parts = _both_ways(
        [tmp_path], tmp_path / "cache", monkeypatch, request, tokenizer_kind=kind, vocab_size=300
    )
    assert whole == parts


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_a_text_without_line_breaks_is_cut_and_joined(tmp_path, kind, monkeypatch, request):
    monkeypatch.setattr(long_texts, "_LONGEST_LINE", 100)
    text = "".join(
        random.Random(0).choice(("话说天下大势，", "It was ", "a\u3000 b", "、。", "兵")) for _ in range(2000)
    )
    (tmp_path / "line.txt").write_text(text, "utf-8")
    whole, parts = _both_ways(
        [tmp_path], tmp_path / "cache", monkeypatch, request, tokenizer_kind=kind, vocab_size=300
    )
    assert whole == parts


@pytest.mark.parametrize(("separator", "line"), [("<|endoftext|>", "<|endoftext|>"), ("=====", "  ===== \t")])
def test_separated_texts_in_blocks(tmp_path, separator, line, monkeypatch, request):
    texts = [random_text(seed, 1 + seed % 20).replace("<|endoftext|>", "") for seed in range(150)]
    (tmp_path / "texts.txt").write_text(f"\n{line}\n".join([*texts, "a ===== b", ""]), "utf-8")
    whole, parts = _both_ways([tmp_path], tmp_path / "cache", monkeypatch, request, separator=separator)
    assert whole == parts and len(whole["documents"]) > 100


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_records_in_blocks(tmp_path, suffix, monkeypatch, request):
    records = [
        {
            "text": random_text(seed, 1 + seed % 5),
            "title": [None, f"《{seed}》", f" \n{seed}\t\u3000 x", "长 " * 300, " \n"][seed % 5],
        }
        for seed in range(200)
    ]
    lines = [json.dumps(record, ensure_ascii=bool(i % 2)) for i, record in enumerate(records)]
    (tmp_path / f"records.{suffix}").write_text("\n\n".join(lines), "utf-8")
    whole, parts = _both_ways([tmp_path], tmp_path / "cache", monkeypatch, request)
    assert whole == parts and len(whole["documents"]) > 150


@pytest.mark.parametrize("script", ["simplified", "traditional"])
def test_a_converted_text_in_blocks(tmp_path, script, monkeypatch, request):
    (tmp_path / "book.txt").write_text(random_text(5) + "后来里长发现干净的头发。\n" * 40, "utf-8")
    whole, parts = _both_ways([tmp_path], tmp_path / "cache", monkeypatch, request, script=script)
    assert whole == parts


def test_several_processes_write_what_one_does(tmp_path, monkeypatch, small_blocks):
    for seed in range(3):
        (tmp_path / f"{seed}.txt").write_text(random_text(seed), "utf-8")
    (tmp_path / "small.txt").write_text("一二三\n", "utf-8")
    one = prepare_corpus([tmp_path], cache_dir=tmp_path / "cache" / "one")
    monkeypatch.setattr(reading_workers, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(reading_workers.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    two = prepare_corpus([tmp_path], cache_dir=tmp_path / "cache" / "two")
    assert _facts(one) == _facts(two)
    (tmp_path / "a.jsonl").write_text("\n".join(['"话说天下大势"'] * 300 + ["{"] * 2), "utf-8")
    with pytest.raises(UserError, match="a.jsonl line 301 is not"):
        prepare_corpus([tmp_path / "a.jsonl"], cache_dir=tmp_path / "cache" / "two")


def test_processes_import_nothing_of_the_folder_of_texts(tmp_path, monkeypatch, small_blocks):
    for seed in range(3):
        (tmp_path / f"{seed}.txt").write_text(random_text(seed), "utf-8")
    (tmp_path / "tf_gpt2").mkdir()
    for name in ("numpy.py", "tf_gpt2/__init__.py", "pickle.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as an interpreter has it that somebody types into
    monkeypatch.setattr(reading_workers, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(reading_workers.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(reading_workers, "perform", lambda *_: pytest.fail("a process did not answer"))
    prepare_corpus([tmp_path], cache_dir=tmp_path / "cache")
    assert not (tmp_path / "executed").exists()


def test_processes_have_the_modules_of_the_one_that_starts_them(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/b", str(ROOT), "/a"])
    assert reading_workers._places_of_modules() == ["/b", str(ROOT), "/a"]
    monkeypatch.setattr(sys, "path", ["", "/b"])  # tf_gpt2 was found in the folder of then
    assert reading_workers._places_of_modules() == [str(ROOT), "/b"]


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_what_was_interrupted_goes_on_to_the_same_bits(tmp_path, kind, monkeypatch, small_blocks):
    monkeypatch.setattr(journal, "COMMIT_BYTES", 1500)
    settings = {"tokenizer_kind": kind, "vocab_size": 300}
    for seed in range(2):
        (tmp_path / f"{seed}.txt").write_text(random_text(seed), "utf-8")
    (tmp_path / "records.jsonl").write_text("\n".join(json.dumps(random_text(i, 4)) for i in range(40)), "utf-8")
    (tmp_path / "small.txt").write_text("一二三\n" * 60, "utf-8")
    done = []
    perform = reading_workers.perform
    monkeypatch.setattr(reading_workers, "perform", lambda task, rules: done.append(task) or perform(task, rules))
    expected = contents(prepare_corpus([tmp_path], cache_dir=tmp_path / "cache" / "a", **settings).folder)
    tasks, stops = [task for task in done if getattr(task, "kind", "") != "measure"], 0
    done.clear()
    write = journal.Journal.write

    def write_and_stop(self, *args):
        write(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(journal.Journal, "write", write_and_stop)
    while stops < 200:
        try:
            corpus = prepare_corpus([tmp_path], cache_dir=tmp_path / "cache" / "b", **settings)
            break
        except KeyboardInterrupt:
            stops += 1
            # What was written after the entry, as a kill leaves it, is cut off.
            (work,) = (tmp_path / "cache" / "b" / "corpora").glob(".preparing-*")
            with (work / "text.bin").open("ab") as file:
                file.write(b"after")
    assert stops > 10 and contents(corpus.folder) == expected
    assert [task for task in done if getattr(task, "kind", "") != "measure"] == tasks  # none done again
    assert os.listdir(corpus.folder.parent) == [corpus.folder.name]


_KILLED = """
import sys
from tf_gpt2.data import journal
from tf_gpt2.data.prepare import prepare_corpus
journal.COMMIT_BYTES = 1 << 20
prepare_corpus([sys.argv[1]], cache_dir=sys.argv[2])
"""


@pytest.mark.slow
def test_a_killed_preparation_goes_on(tmp_path):
    (tmp_path / "book.txt").write_text(random_text(0, 2_000_000), "utf-8")
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "book.txt"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT)
    corpora = tmp_path / "killed" / "corpora"
    while process.poll() is None and not list(corpora.glob(".preparing-*/journal.json")):
        pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(command, cwd=ROOT, check=True)
    (folder,) = corpora.iterdir()
    expected = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "whole").folder
    assert contents(folder) == contents(expected)


def _left(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_file_that_changes_or_vanishes_is_one_line(tmp_path, monkeypatch, small_blocks):
    book, cache = tmp_path / "book.txt", tmp_path / "cache"
    book.write_text(random_text(0), "utf-8")
    lay_out = spooling.lay_out

    def meddle(change):
        monkeypatch.setattr(spooling, "lay_out", lambda *args: (lay_out(*args), change())[0])

    for change, complaint in (
        (lambda: os.truncate(book, 2000), "it changed meanwhile"),
        (lambda: book.write_text(random_text(1), "utf-8"), "it changed meanwhile"),
        (book.unlink, "cannot be read: No such file"),
    ):
        book.write_text(random_text(0), "utf-8")
        meddle(change)
        with pytest.raises(UserError, match=complaint) as caught:
            prepare_corpus([book], cache_dir=cache)
        assert "\n" not in str(caught.value) and not _left(cache)


@pytest.mark.parametrize("when", ["measured", "laid out"])
@pytest.mark.parametrize("separator", [None, "---"])
def test_a_file_of_other_bytes_than_were_looked_through_is_one_line(
    tmp_path, when, separator, monkeypatch, small_blocks
):
    book = tmp_path / "book.txt"
    book.write_text(random_text(0), "utf-8")
    told = os.stat(book)

    def meddling(function):
        def meddle(*args):
            found = function(*args)
            book.write_bytes((b"\xff\n" * told.st_size)[: told.st_size])
            os.utime(book, ns=(told.st_atime_ns, told.st_mtime_ns))  # as some copying programs and clocks have it
            return found

        return meddle

    if when == "measured":
        monkeypatch.setattr(large_files, "middle_sample", meddling(large_files.middle_sample))
    else:
        monkeypatch.setattr(spooling, "lay_out", meddling(spooling.lay_out))
    with pytest.raises(UserError, match=r"book\.txt must stay as it is .* it changed meanwhile") as caught:
        prepare_corpus([book], cache_dir=tmp_path / "cache", separator=separator)
    assert "\n" not in str(caught.value) and not _left(tmp_path / "cache")


@pytest.mark.parametrize("name", ["train.00001.bin", "validation.bin", "titles.bin", "texts.bin"])
@pytest.mark.parametrize("damage", ["flip", "cut", "take away"])
def test_a_damaged_shard_is_found_and_made_again(tmp_path, name, damage, small_blocks):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    folder = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache").folder
    whole = contents(folder)
    path = folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    if damage == "take away":
        path.unlink()
    assert read_prepared(folder, from_cache=True) is None
    assert contents(prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache").folder) == whole


def test_a_long_line_whose_characters_cannot_be_told_is_refused(tmp_path, small_blocks):
    (tmp_path / "line.txt").write_bytes(("话说天下大势" * 300).encode("gb18030"))
    with pytest.raises(UserError, match=r"A line of a text must .*line\.txt .* in gb18030.*iconv"):
        prepare_corpus([tmp_path / "line.txt"], cache_dir=tmp_path / "cache", encoding="gb18030")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (
            b"a\n" * 1000 + b"\xff\xfe\xfa\n" + b"b\n" * 1000,
            r"is not utf-8 throughout.* line 1001, at offset 2000 of 4004",
        ),
        (b"\0" * 5000, "zeros alone"),
        (b"%PDF-1.4\n" * 400, "a PDF document"),
    ],
)
def test_what_is_no_text_is_refused_in_blocks(tmp_path, data, complaint, small_blocks):
    (tmp_path / "book.txt").write_bytes(data)
    encoding = "utf-8" if b"\xff" in data else None
    with pytest.raises(UserError, match=complaint):
        prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache", encoding=encoding)


def test_what_has_to_be_read_whole_has_a_limit(tmp_path, monkeypatch, small_blocks):
    monkeypatch.setattr(sources, "LARGEST_WHOLE", 2000)
    (tmp_path / "texts.csv").write_text("text\n" + "a b c\n" * 500, "utf-8")
    with pytest.raises(UserError, match=r"texts\.csv .*Convert it to \.jsonl"):
        prepare_corpus([tmp_path / "texts.csv"], cache_dir=tmp_path / "cache")
