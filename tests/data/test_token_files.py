"""The folder of a prepared corpus appears whole or not at all."""

import errno
import json
import os
import zlib

import numpy as np
import odd_files
import pytest

from tf_gpt2.data import token_files
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.text_table import TABLE, TABLE_NAME
from tf_gpt2.data.token_files import new_prepared_folder, read_prepared, token_dtype
from tf_gpt2.errors import UserError


@pytest.mark.parametrize(("size", "dtype"), [(2, "<u2"), (65_536, "<u2"), (65_537, "<u4")])
def test_the_smallest_type_that_holds_every_id(size, dtype):
    assert token_dtype(size) == np.dtype(dtype)


def test_a_damaged_folder_is_replaced(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old").write_text("old")
    with new_prepared_folder(tmp_path / "target") as partial:
        (partial / "new").write_text("new")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["new", "target"]


@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("name", ["index.json", "train.bin", "tokenizer.json"])
def test_what_is_no_file_is_damage(tmp_path, name, kind):
    (tmp_path / "book.txt").write_text("却说曹操引军渡河。\n" * 20, "utf-8")
    folder = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache").folder
    if kind == "large" and name != "index.json":
        pytest.skip("a TiB is read to its end: the cache is our own")
    odd_files.put(folder / name, kind)
    assert read_prepared(folder, from_cache=True) is None


def test_a_whole_corpus_that_came_to_be_there_meanwhile_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(token_files, "read_prepared", lambda folder, **_: (folder / "whole").exists() or None)
    with new_prepared_folder(tmp_path / "target") as partial:
        (partial / "mine").touch()
        (tmp_path / "target").mkdir()
        (tmp_path / "target" / "whole").touch()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["target", "whole"]


def test_a_full_disk_is_one_clear_line(tmp_path):
    with (
        pytest.raises(UserError, match="No space left") as caught,
        new_prepared_folder(tmp_path / "target"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "TF_GPT2_CACHE" in str(caught.value) and not list(tmp_path.iterdir())


def test_a_cache_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="TF_GPT2_CACHE"), new_prepared_folder(tmp_path / "cache" / "x"):
        pass


def test_a_folder_without_index_is_no_corpus(tmp_path):
    assert read_prepared(tmp_path, from_cache=True) is None
    (tmp_path / "index.json").write_text("[]")
    assert read_prepared(tmp_path, from_cache=True) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("bytes", 270), ("begin", 1), ("train_end", 181), ("title_bytes", 3), ("test_tokens", -1)],
)
def test_a_table_whose_texts_do_not_fill_their_file_is_damaged(tmp_path, field, value):
    (tmp_path / "book.txt").write_text("却说曹操引军渡河。" * 20, "utf-8")
    folder = prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache").folder
    rows = np.fromfile(folder / TABLE_NAME, TABLE)
    assert rows[0]["bytes"] == 540 and read_prepared(folder, from_cache=True) is not None
    rows[field] = value
    rows.tofile(folder / TABLE_NAME)
    index = json.loads((folder / "index.json").read_text("utf-8"))
    index["files"][TABLE_NAME]["crc32"] = zlib.crc32(rows.tobytes())
    (folder / "index.json").write_text(json.dumps(index))
    assert read_prepared(folder, from_cache=True) is None
