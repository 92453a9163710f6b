"""Files at addresses that TensorFlow opens, with the file system that it has in memory."""

import blocks
import numpy as np
import pytest

from tf_gpt2.corpus.reading import expand_corpus
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.locations import RemotePath, facts, found_at, is_address, located, pieces, read_range, remove, writing


@pytest.fixture
def small_blocks(monkeypatch):
    """A file of some hundred bytes is a large one."""
    blocks.make_small(monkeypatch)


@pytest.fixture(scope="module")
def books():
    import tensorflow as tf

    folder = "ram://shelf/books"
    tf.io.gfile.makedirs(f"{folder}/old")
    for name, text in (("one.txt", "却说曹操引军渡河。\n" * 200), ("old/two.md", "It was.\n" * 90), ("c.exe", "")):
        with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
            file.write(text)
    return folder


@pytest.mark.parametrize(
    ("place", "address"),
    [("gs://b/x.txt", True), ("s3://b", True), ("hdfs://host:9000/x", True), ("C:/x", False), ("a/b", False)],
)
def test_what_is_an_address(place, address):
    assert is_address(place) is address and isinstance(located(place), RemotePath) is address


def test_a_remote_file_is_read_in_pieces(books):
    path = RemotePath(f"{books}/old/two.md")
    assert (path.name, path.stem, path.suffix) == ("two.md", "two", ".md")
    assert facts(path).size == 720 and b"".join(pieces(path)) == b"It was.\n" * 90
    assert read_range(path, 3, 6) == b"was" and read_range(path, 715, 999) == b"was.\n"


def test_folders_patterns_and_files_are_found(books):
    names = ["one.txt", "old/two.md"]
    assert [str(path) for path in expand_corpus(books)] == [f"{books}/{name}" for name in names]
    assert [str(path) for path in expand_corpus(f"{books}/*.txt")] == [f"{books}/one.txt"]
    assert [str(path) for path in expand_corpus([f"{books}/old/two.md", books])] == [
        f"{books}/{name}" for name in reversed(names)
    ]


def test_a_remote_corpus_is_that_of_the_same_files_here(books, tmp_path, small_blocks):
    for name in ("old/two.md", "one.txt"):
        (tmp_path / "books" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "books" / name).write_bytes(read_range(RemotePath(f"{books}/{name}"), 0, 1 << 20))
    here = prepare_corpus([tmp_path / "books"], cache_dir=tmp_path / "here")
    there = prepare_corpus([books], cache_dir=tmp_path / "there")
    assert there.folder.name == here.folder.name and there.report == here.report
    np.testing.assert_array_equal(there.train.tokens, here.train.tokens)


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("ram://shelf/none", "must hold at least one file"),
        ("ram://shelf/books/c.exe", "is none of these"),
        ("nosuch://bucket/x.txt", "cannot be read"),
    ],
)
def test_what_is_not_there_is_one_line(books, place, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint) as caught:
        prepare_corpus([place], cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_is_missing(books):
    with pytest.raises(FileNotFoundError):
        facts(RemotePath("ram://shelf/books/gone.txt"))
    assert found_at("ram://shelf/books/gone.txt") == []


@pytest.mark.parametrize("data", [b"", b"x" * 3000])
def test_a_file_is_written_and_removed_wherever_it_lies(tmp_path, data):
    for path in (RemotePath("ram://new/folder/file.bin"), tmp_path / "new" / "folder" / "file.bin"):
        with writing(path) as file:
            file.write(data)
        assert b"".join(pieces(path)) == data and facts(path).size == len(data)
        remove(path)
        with pytest.raises(OSError, match="No such file"):
            facts(path)
    with writing(RemotePath("ram://new/folder/file.bin")):
        pass
    remove(RemotePath("ram://new/folder"))
    assert not found_at("ram://new/folder/file.bin")
