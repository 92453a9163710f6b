"""Files and folders written whole or not at all, and read with one clear line when they are not as they should be.

What is being written lies in a workspace, a hidden folder beside its future place with a locked file in it. A lock
ends with its process, so the next writer in that folder knows what killed ones left, and removes it. Where the file
system has no locks, nothing is swept.
"""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping

from tf_gpt2 import file_system
from tf_gpt2.errors import UserError
from tf_gpt2.file_system import lock_new_file, rename, sync, sync_tree, try_lock

WORKSPACE_PREFIX = ".tf_gpt2-"
LARGEST_JSON = 16 << 20  # bytes; the largest configuration or index that is no mistake has a few hundred thousand
LARGEST_TEXT = 1 << 30
_LOCK, _NEW, _FORMER = "lock", "new", "former"


@contextlib.contextmanager
def replacing(path: str | os.PathLike, *, first_stays: bool = False) -> Iterator[pathlib.Path]:
    """Gives a temporary path, where nothing is yet, whose file becomes `path` when the block ends without an error.

    So no reader ever sees half a file, and a former version stays until the new one is safely on the disk.

    Args:
        path: The file.
        first_stays: A file with content that is there by the end stays: another process wrote the same, and may
            read it already.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    path = pathlib.Path(path)
    with _one_clear_line(path, "free space or choose another directory"), _workspace(path.parent) as workspace:
        temporary = workspace / _NEW
        yield temporary
        # Some writers make their files private; a model is meant to be shared like any other file of the user's.
        temporary.chmod((workspace / _LOCK).stat().st_mode & 0o777)
        sync(temporary)
        if not (first_stays and _is_there(path, temporary)):
            rename(temporary, path)
        sync(path.parent)


def _is_there(path, temporary):
    """Whether a file with content is at `path`; where the file system has links, it is made to be at once."""
    with contextlib.suppress(OSError):  # there is something, or there are no links
        os.link(temporary, path)
    return path.is_file() and path.stat().st_size > 0


def write_atomically(path: str | os.PathLike, data: bytes, *, first_stays: bool = False) -> None:
    """Writes `data` to `path`, whole or not at all.

    Args:
        path: The file.
        data: Its content.
        first_stays: As for `replacing`.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    with replacing(path, first_stays=first_stays) as temporary:
        temporary.write_bytes(data)


def write_tensors(path: str | os.PathLike, tensors: Mapping, metadata: dict[str, str]) -> None:
    """Writes arrays by name as a safetensors file, whole or not at all.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    import safetensors.numpy

    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(dict(tensors), temporary, metadata=metadata)
        except safetensors.SafetensorError as error:
            raise OSError(f"{error}") from None


@contextlib.contextmanager
def replacing_folder(
    output: str | os.PathLike | None,
    *,
    marker: str | None = None,
    complete: Callable[[pathlib.Path], bool] | None = None,
    remedy: str = "free space or choose another `output`",
) -> Iterator[pathlib.Path]:
    """Gives a new folder, empty, which becomes `output` when the block ends without an error.

    A former one stays until the new one is safely on the disk, and comes back when putting that in place fails.

    Args:
        output: The folder to write; must be new or empty, with the exceptions that follow.
        marker: A former export may be replaced: a folder that holds a file of this name.
        complete: For caches, where anything may be replaced: tells whether what has come to be there meanwhile is
            as good as the new folder, as when two processes prepare the same. It stays then, and the new one goes.
        remedy: What to do when it cannot be written.

    Raises:
        UserError: `output` is not named, holds something else, or cannot be written.
    """
    if not output:
        raise UserError("`output` must name the folder to write; for example `output`='exported'")
    shown, output = pathlib.Path(output), pathlib.Path(output).absolute()
    with _one_clear_line(shown, remedy):
        output = output.resolve()  # a link goes on to lead there
        if complete is None:
            _check_replaceable(shown, output, marker)
        with _workspace(output.parent) as workspace:
            folder = workspace / _NEW
            folder.mkdir()
            yield folder
            sync_tree(folder)
            _place(folder, output, workspace / _FORMER, complete)
            sync(output.parent)


def sweep(folder: str | os.PathLike) -> None:
    """Removes what killed writers left in `folder`; what a living process is writing there stays.

    Every writer does this for its folder before it begins.
    """
    with contextlib.suppress(OSError), os.scandir(pathlib.Path(folder)) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(WORKSPACE_PREFIX)]
        for path in map(pathlib.Path, found):
            if path.is_symlink():
                continue
            try:
                descriptor = os.open(path / _LOCK, os.O_RDWR)
            except OSError:
                with contextlib.suppress(OSError):  # killed before its lock was made, or after it went: empty
                    path.rmdir()
                continue
            if try_lock(descriptor):
                _remove_workspace(path, descriptor)
            else:
                os.close(descriptor)


@contextlib.contextmanager
def _workspace(parent):
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    descriptor = None
    while descriptor is None:  # a sweep may come between the making of the folder and its lock
        folder = pathlib.Path(tempfile.mkdtemp(prefix=WORKSPACE_PREFIX, dir=parent))
        descriptor = lock_new_file(folder / _LOCK)
    try:
        yield folder
    finally:
        _remove_workspace(folder, descriptor)


def _remove_workspace(folder, descriptor):
    """Closes the lock too, which goes last: a kill amid this leaves what the next sweep knows."""
    with contextlib.suppress(OSError):
        _bring_back(folder)
        for entry in folder.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
    os.close(descriptor)
    with contextlib.suppress(OSError):
        if [entry.name for entry in folder.iterdir()] == [_LOCK]:  # what could not be removed keeps its lock file
            (folder / _LOCK).unlink()
            folder.rmdir()


def _bring_back(workspace):
    """Puts a former folder back whose successor has not come to its place."""
    former = workspace / _FORMER
    for entry in former.iterdir() if former.is_dir() else ():
        place = workspace.parent / entry.name
        if not os.path.lexists(place):
            rename(entry, place)


def _check_replaceable(shown, output, marker):
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if marker is None:
        raise UserError(f"`output` must be a new or empty folder; {shown} holds something. Choose another")
    if not (output / marker).is_file():
        raise UserError(f"`output` must be new, empty or a former export; {shown} holds something else")


def _place(folder, output, former, complete):
    if complete is not None and output.is_dir() and complete(output):
        return
    if os.path.lexists(output):  # no system renames over a folder that holds something, Windows over none
        former.mkdir()
        with contextlib.suppress(FileNotFoundError):  # another process may have moved it
            rename(output, former / output.name)
    try:
        rename(folder, output)
    except OSError:
        if complete is None or not complete(output):
            raise


@contextlib.contextmanager
def _one_clear_line(path, remedy):
    try:
        yield
    except OSError as error:
        if file_system.WINDOWS and isinstance(error, PermissionError):
            remedy = f"close the program that has it open, or {remedy}"
        raise UserError(f"cannot write {path}: {error.strerror or error}; {remedy}") from None


def read_bounded(path: str | os.PathLike, largest: int = LARGEST_JSON) -> bytes:
    """Reads a regular file, links followed; a device or a pipe, which may never end, is not opened.

    Args:
        path: The file.
        largest: Most bytes it may have.

    Raises:
        OSError: It is missing, no regular file, too large, or cannot be read.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    with open(path, "rb") as file:
        # A byte more than there was, for it may grow meanwhile; what is asked for is memory taken at once.
        data = file.read(status.st_size + 1) if status.st_size <= largest else b""
    if max(len(data), status.st_size) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest:,} bytes")
    return data


def read_text(path: str | os.PathLike, *, argument: str, largest: int = LARGEST_TEXT) -> str:
    """Reads a file in UTF-8; a byte order mark is nothing.

    Args:
        path: The file.
        argument: What the caller calls it, for messages.
        largest: Most bytes it may have.

    Raises:
        UserError: It is missing, no regular file, too large, or in another encoding.
    """
    try:
        return read_bounded(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"`{argument}` must be in UTF-8; byte {error.start} of {path} is not; convert it") from None
    except OSError as error:
        raise UserError(
            f"`{argument}` must be a file that can be read; {path}: {error.strerror or error}"
        ) from None


def read_json(path: str | os.PathLike, *, remedy: str, largest: int = LARGEST_JSON) -> dict:
    """Reads a JSON object of at most `largest` bytes.

    Raises:
        UserError: The file is missing, is no JSON, or holds something else than an object.
    """
    path = pathlib.Path(path)
    try:
        value = json.loads(read_bounded(path, largest))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {remedy}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read as JSON ({error.strerror or error}); {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} must hold a JSON object; received {type(value).__name__}; {remedy}")
    return value
