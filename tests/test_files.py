"""Files and folders appear whole or not at all, and are read within bounds."""

import errno
import os
import pathlib
import stat

import numpy as np
import odd_files
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.files import (
    read_bounded,
    read_json,
    read_text,
    replacing,
    replacing_folder,
    write_atomically,
    write_tensors,
)

MARKER = "site.json"


def test_a_failed_write_leaves_the_former_file_and_no_litter(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"former")

    def break_off():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        break_off()
    assert path.read_bytes() == b"former"
    assert os.listdir(tmp_path) == ["file"]


def test_other_errors_pass_and_leave_no_litter(tmp_path):
    def break_off():
        with replacing(tmp_path / "file"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_files_and_folders_have_the_users_usual_modes(tmp_path, umask):
    former = os.umask(umask)
    try:
        write_atomically(tmp_path / "a", b"")
        write_tensors(tmp_path / "b", {"x": np.zeros(2)}, {})
        with replacing_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(former)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"a": 0o666 & ~umask, "b": 0o666 & ~umask, "folder": 0o777 & ~umask}


def test_a_directory_in_the_way_is_a_clear_line(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_tensors(tmp_path / "file", {"a": np.zeros(2)}, {})
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("links", [True, False])
def test_what_another_process_wrote_first_stays_the_same_file(tmp_path, monkeypatch, links):
    path = tmp_path / "text.txt"
    if not links:

        def refused(*_):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)
    path.write_bytes(b"")  # nobody's
    write_atomically(path, b"one", first_stays=True)
    before = path.stat()
    write_atomically(path, b"two", first_stays=True)
    assert (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns) == (
        b"one",
        before.st_ino,
        before.st_mtime_ns,
    )
    write_atomically(tmp_path / "new.txt", b"three", first_stays=True)
    assert (tmp_path / "new.txt").read_bytes() == b"three"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new.txt", "text.txt"]
    assert path.stat().st_nlink == 1


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    write_atomically(tmp_path / ("x" * 255), b"1")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(tmp_path / ("x" * 256), b"1")
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_appears_whole(tmp_path, exists):
    output = tmp_path / "a" / "b"
    if exists:
        output.mkdir(parents=True)
    with replacing_folder(output) as folder:
        (folder / "x").write_text("1")
        assert not (output / "x").exists()
    assert (output / "x").read_text() == "1"
    assert [path.name for path in output.parent.iterdir()] == ["b"]


def test_after_an_error_no_folder_is_there(tmp_path):
    with pytest.raises(RuntimeError), replacing_folder(tmp_path / "out") as folder:
        (folder / "x").write_text("1")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("marker", [None, MARKER])
@pytest.mark.parametrize("make", ["file", "folder", "none"])
def test_nothing_of_others_is_written_over(tmp_path, make, marker):
    output = tmp_path / "out"
    if make == "file":
        output.write_text("mine")
    elif make == "folder":
        output.mkdir()
        (output / "mine").write_text("mine")
    with (
        pytest.raises(UserError, match="^`output` must"),
        replacing_folder(None if make == "none" else output, marker=marker),
    ):
        pass
    assert make == "none" or len(list(tmp_path.rglob("*"))) == (1 if make == "file" else 2)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), replacing_folder(tmp_path / "file" / "out"):
        pass


def _export(output, content):
    with replacing_folder(output, marker=MARKER) as folder:
        (folder / MARKER).write_text(content)
        (folder / content).touch()


def _content(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_former_export_is_replaced_whole(tmp_path):
    _export(tmp_path / "out", "first")
    _export(tmp_path / "out", "second")
    assert _content(tmp_path) == ["out", "second", MARKER]


def test_a_former_export_behind_a_link_is_replaced_there(tmp_path):
    _export(tmp_path / "real", "first")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    _export(tmp_path / "link", "second")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / MARKER).read_text() == "second"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_former_export_stays_whole_on_an_error(tmp_path, error):
    _export(tmp_path / "out", "first")
    with pytest.raises((UserError, KeyboardInterrupt)), replacing_folder(tmp_path / "out", marker=MARKER) as folder:
        (folder / MARKER).write_text("half")
        raise error
    assert _content(tmp_path) == ["first", "out", MARKER]


def test_a_former_export_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    _export(tmp_path / "out", "first")
    real = os.replace

    def refuse_new(source, target):
        if pathlib.Path(source).name == "new":
            raise OSError(errno.EIO, "the disk failed")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse_new)
    with pytest.raises(UserError, match="the disk failed"):
        _export(tmp_path / "out", "second")
    assert _content(tmp_path) == ["first", "out", MARKER]


def test_everything_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    events = []
    real_sync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        events.append(os.fstat(descriptor).st_ino)
        real_sync(descriptor)

    def replace(source, target):
        events.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "file", b"1")
    with replacing_folder(tmp_path / "out") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "x").touch()
    here = tmp_path.stat().st_ino
    parts = [(tmp_path / "out" / name).stat().st_ino for name in ("deep/x", "deep", "")]
    assert events == [(tmp_path / "file").stat().st_ino, "rename", here, *parts, "rename", here]


def test_a_disk_that_fails_to_sync_is_said(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="Input/output error"):
        write_atomically(tmp_path / "file", b"1")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000])
def test_json_that_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json.*; do this"):
        read_json(path, remedy="do this")


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_what_is_no_file_of_a_sensible_size_is_not_read(tmp_path, kind):
    odd_files.put(tmp_path / "x.json", kind)
    with pytest.raises(UserError, match=r"x\.json .*; do this$"):
        read_json(tmp_path / "x.json", remedy="do this")
    with pytest.raises(OSError):
        read_bounded(tmp_path / "x.json", 10)


def test_a_link_to_a_file_is_read(tmp_path):
    (tmp_path / "blob").write_text('{"a": 1}')
    (tmp_path / "x.json").symlink_to("blob")
    assert read_json(tmp_path / "x.json", remedy="") == {"a": 1}


def test_a_tokenizer_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    from tf_gpt2.tokenizer import Tokenizer

    tokenizer = Tokenizer.train_characters(["却说"])
    real, synced = os.fsync, []

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    tokenizer.save(tmp_path)
    assert {(tmp_path / name).stat().st_ino for name in ("tokenizer.json", "tokenizer_config.json")} <= set(synced)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*tokenizer\.json: No space left on device; free space"):
        tokenizer.save(tmp_path)
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_a_text_that_is_no_file_is_one_line(tmp_path, kind):
    odd_files.put(tmp_path / "x.txt", kind)
    with pytest.raises(UserError, match=r"`text_file` must be a file that can be read; .*x\.txt"):
        read_text(tmp_path / "x.txt", argument="text_file")


def test_a_text_is_read_without_its_mark(tmp_path):
    (tmp_path / "x.txt").write_bytes("\ufeff却说\r\n".encode())
    assert read_text(tmp_path / "x.txt", argument="text_file") == "却说\r\n"
