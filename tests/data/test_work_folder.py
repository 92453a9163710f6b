"""Where a corpus is prepared: room on the disk, other processes in the same folder, what nobody goes on with."""

import contextlib
import errno
import os

import pytest
from blocks import contents, random_text

from tf_gpt2.data import prepare, space, spooling, token_writing, work_folder
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError


def test_a_disk_that_is_too_small_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    monkeypatch.setattr(space, "_WORTH", 1)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5_000})())
    monkeypatch.setattr(spooling.Spooling, "run", lambda *_: pytest.fail("read"))
    with pytest.raises(UserError, match=r"needs about .* bytes: the disk of .* has 5,000 free.*TF_GPT2_CACHE"):
        prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_the_tables_of_many_small_texts_count_too(tmp_path, monkeypatch):
    (tmp_path / "many.jsonl").write_text('{"text": "a"}\n' * 10_000, "utf-8")
    (tmp_path / "many.txt").write_text("a\n---\n" * 10_000, "utf-8")
    (tmp_path / "one.txt").write_text("a b c\n" * 10_000, "utf-8")
    monkeypatch.setattr(space, "_WORTH", 1)
    for name, free, refused in (
        ("many.jsonl", 1_500_000, True),
        ("many.txt", 1_400_000, True),
        ("one.txt", 200_000, False),
    ):
        usage = type("Usage", (), {"free": free})()
        monkeypatch.setattr(space.shutil, "disk_usage", lambda _, usage=usage: usage)
        with pytest.raises(UserError, match="needs about") if refused else contextlib.nullcontext():
            prepare_corpus([tmp_path / name], cache_dir=tmp_path / "cache", separator="---")


@pytest.mark.parametrize("by", ["fallocate", "zeros", "zeros, for the file system cannot"])
def test_the_counts_of_tokens_have_their_room_before_they_are_written(tmp_path, by, monkeypatch):
    if by == "zeros":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif by != "fallocate":
        monkeypatch.setattr(os, "posix_fallocate", _failing(errno.EOPNOTSUPP), raising=False)
    path, size = tmp_path / "counts.part", 24 * 100_000
    counts = token_writing.counts_file(path, 100_000)
    assert counts.shape == (100_000, 3) and not counts.any()
    assert path.stat().st_size == size <= path.stat().st_blocks * 512
    counts[5] = 7
    counts.flush()
    assert token_writing.counts_file(path, 100_000)[5].tolist() == [7, 7, 7]  # a preparation goes on
    assert not token_writing.counts_file(path, 50_000).any()


def test_a_disk_that_is_full_of_texts_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    monkeypatch.setattr(os, "posix_fallocate", _failing(errno.ENOSPC), raising=False)
    with pytest.raises(UserError, match="No space left") as caught:
        prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")
    assert "\n" not in str(caught.value)


def _failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def test_another_process_that_prepares_the_same_is_left_alone(tmp_path):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    expected = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "a").folder
    work = tmp_path / "b" / "corpora" / f".preparing-{expected.name}"
    descriptor = work_folder._locked(work)
    assert contents(prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "b").folder) == contents(expected)
    assert list(work.iterdir()) == [work / "lock"]
    os.close(descriptor)


def test_a_lock_whose_folder_is_removed_before_it_is_taken_is_no_lock(tmp_path, monkeypatch):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")
    take, taken = work_folder.try_lock, []

    def removed_first(descriptor):
        if not taken:  # by the process that had it
            work_folder.shutil.rmtree(next((tmp_path / "cache" / "corpora").glob(".preparing-*")))
        taken.append(take(descriptor))
        return taken[-1]

    monkeypatch.setattr(work_folder, "try_lock", removed_first)
    prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")
    assert taken == [True, True]
    assert not list((tmp_path / "cache" / "corpora").glob(".preparing-*"))


def test_who_comes_while_a_folder_is_removed_keeps_what_it_writes(tmp_path, monkeypatch):
    work, remove, others = tmp_path / ".preparing-corpus", work_folder.shutil.rmtree, []

    def comes_amid(path, **kwargs):
        others.append(work_folder._locked(work))
        (work / "text.bin").write_text("new")
        remove(path, **kwargs)

    descriptor = work_folder._locked(work)
    (work / "text.bin").write_text("former")
    monkeypatch.setattr(work_folder.shutil, "rmtree", comes_amid)
    work_folder._remove(work)
    assert others[0] is not None
    assert (work / "text.bin").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [work.name]
    for each in (descriptor, *others):
        os.close(each)


@pytest.mark.parametrize("name", ["text.bin", "titles.bin", "train.bin"])
def test_a_file_that_another_process_wrote_into_is_one_line(tmp_path, monkeypatch, name):
    (tmp_path / "book.txt").write_text(random_text(0), "utf-8")

    def mixed(work, new, names):
        move(work, new, names)
        with (new / name).open("ab") as file:
            file.write(b"more")

    move = prepare.move
    monkeypatch.setattr(prepare, "move", mixed)
    with pytest.raises(UserError, match=rf"^{name} of the prepared corpus must have the [\d,]+ bytes .* it has "):
        prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")
    assert not any((tmp_path / "cache" / "corpora").iterdir())


def test_what_nobody_goes_on_with_is_removed_after_a_week(tmp_path):
    for name, age in (("old", 8), ("young", 6)):
        work = tmp_path / "cache" / "corpora" / f".preparing-{name}"
        work.mkdir(parents=True)
        (work / "journal.json").write_text("{}")
        then = work_folder.time.time() - age * 24 * 3600
        os.utime(work / "journal.json", (then, then))
    (tmp_path / "book.txt").write_text("一二三\n", "utf-8")
    prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache" / "corpora").glob(".*")] == [".preparing-young"]
