"""What killed writers leave goes at the next start, what living ones write stays; and the systems without POSIX."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

from tf_gpt2 import file_system, files
from tf_gpt2.errors import UserError
from tf_gpt2.files import sweep, write_atomically

MARKER = "site.json"


_KILLED = """
import os, signal, sys, time
from tf_gpt2 import files, file_system
what, place, end = sys.argv[1:]
if end == "between":
    real = os.replace
    def replace(source, target):
        real(source, target)
        os.kill(os.getpid(), signal.SIGKILL)
    os.replace = replace
def stop():
    print("writing", flush=True)
    if end == "wait":
        sys.stdin.read()
    elif end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
if what == "file":
    with files.replacing(place) as temporary:
        temporary.write_bytes(b"half")
        stop()
else:
    with files.replacing_folder(place, marker="site.json") as folder:
        (folder / "site.json").write_text("new")
        stop()
"""


def _former_export(output):
    with files.replacing_folder(output, marker=MARKER) as folder:
        (folder / MARKER).write_text("first")


def _process(what, place, end):
    command = [sys.executable, "-c", _KILLED, what, str(place), end]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    return process


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_killed_writer_left_goes_at_the_next_start(tmp_path, what):
    if what == "folder":
        _former_export(tmp_path / "out")
    else:
        write_atomically(tmp_path / "out", b"first")
    _process(what, tmp_path / "out", "kill").communicate()
    assert len(list(tmp_path.glob(f"{files.WORKSPACE_PREFIX}*"))) == 1
    former = tmp_path / "out" / MARKER if what == "folder" else tmp_path / "out"
    assert former.read_text() == "first"
    write_atomically(tmp_path / "other", b"")
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_living_writer_is_writing_stays(tmp_path, what):
    process = _process(what, tmp_path / "out", "wait")
    write_atomically(tmp_path / "other", b"")
    sweep(tmp_path)
    process.communicate("")
    assert process.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]


def test_a_kill_between_the_two_renames_brings_the_former_export_back(tmp_path):
    _former_export(tmp_path / "out")
    _process("folder", tmp_path / "out", "between").communicate()
    assert not (tmp_path / "out").exists()
    sweep(tmp_path)
    assert (tmp_path / "out" / MARKER).read_text() == "first" and len(list(tmp_path.iterdir())) == 1


def test_a_sweep_leaves_everything_else(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / ".tf_gpt2-file").write_text("a user's")
    (tmp_path / ".tf_gpt2-folder").mkdir()
    (tmp_path / ".tf_gpt2-folder" / "text").write_text("a user's")
    (tmp_path / ".tf_gpt2-link").symlink_to(tmp_path / "other")
    before = sorted(os.listdir(tmp_path))
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before
    sweep(tmp_path / "none")


def test_a_sweep_between_folder_and_lock_makes_the_writer_try_again(tmp_path, monkeypatch):
    real, swept = files.lock_new_file, []

    def lock_new_file(path):
        if not swept:
            swept.append(path)
            sweep(tmp_path)
        return real(path)

    monkeypatch.setattr(files, "lock_new_file", lock_new_file)
    write_atomically(tmp_path / "file", b"1")
    assert swept and os.listdir(tmp_path) == ["file"]


def test_without_locks_files_are_written_and_nothing_is_swept(tmp_path, monkeypatch):
    _process("file", tmp_path / "out", "kill").communicate()

    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_system.fcntl, "flock", unsupported)
    write_atomically(tmp_path / "file", b"1")
    assert len(os.listdir(tmp_path)) == 2 and (tmp_path / "file").exists()


def test_what_was_left_in_the_cache_goes_when_a_corpus_is_found_there(tmp_path):
    from tf_gpt2.data.prepare import prepare_corpus

    book, cache = tmp_path / "book.txt", tmp_path / "cache"
    book.write_text("却说曹操引军渡河。\n" * 50, "utf-8")
    prepared = prepare_corpus([book], cache_dir=cache)
    _process("folder", prepared.folder.parent / "other", "kill").communicate()
    assert len(list(prepared.folder.parent.glob(f"{files.WORKSPACE_PREFIX}*"))) == 1
    assert prepare_corpus([book], cache_dir=cache).from_cache
    assert os.listdir(prepared.folder.parent) == [prepared.folder.name]


def _on_windows(monkeypatch, refusals):
    """os.replace as Windows has it: refused a few times, as while a virus scanner looks."""
    real, waits = os.replace, []

    def replace(source, target):
        if len(waits) < refusals:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        real(source, target)

    monkeypatch.setattr(file_system, "WINDOWS", True)
    monkeypatch.setattr(file_system.time, "sleep", waits.append)
    monkeypatch.setattr(os, "replace", replace)
    return waits


def test_on_windows_a_rename_is_tried_again(tmp_path, monkeypatch):
    waits = _on_windows(monkeypatch, 3)
    write_atomically(tmp_path / "file", b"1")
    assert os.listdir(tmp_path) == ["file"] and len(waits) == 3


def test_on_windows_a_file_that_stays_open_elsewhere_is_one_line(tmp_path, monkeypatch):
    waits = _on_windows(monkeypatch, 99)
    with pytest.raises(UserError, match=r"cannot write .*; close the program that has it open"):
        write_atomically(tmp_path / "file", b"1")
    assert len(waits) == 4 and not list(tmp_path.iterdir())


def test_on_windows_folders_are_not_opened(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    opened, real = [], os.open

    def note(path, flags, *rest):
        opened.append((pathlib.Path(path).name, flags))
        return real(path, flags, *rest)

    monkeypatch.setattr(file_system, "WINDOWS", True)
    monkeypatch.setattr(file_system.os, "open", note)
    file_system.sync_tree(tmp_path)
    assert opened == [("file", os.O_RDWR)]
