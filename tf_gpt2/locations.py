"""Files that are read in pieces, wherever they lie: on this machine, or at an address that TensorFlow opens.

Addresses are those of tf.io.gfile: gs://, s3://, hdfs:// (where TensorFlow or tensorflow-io has the file system).
TensorFlow is imported when the first of them is read.
"""

import contextlib
import errno
import os
import pathlib
import posixpath
import re
import shutil
import stat
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from tf_gpt2.files import replacing

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://.")  # two letters at least: C:/ is a drive
_PIECE = 4 << 20


class RemotePath:
    """An address, with what the readers of a corpus ask of a `pathlib.Path`.

    Attributes:
        name: What stands after its last slash.
        suffix: The name's extension, dot included.
        stem: The name without it.
    """

    def __init__(self, address: str):
        self._address = address
        self.name = posixpath.basename(address.rstrip("/"))
        self.stem, self.suffix = posixpath.splitext(self.name)

    def __str__(self) -> str:
        return self._address


AnyPath = pathlib.Path | RemotePath


def below(folder: RemotePath, name: str) -> RemotePath:
    """The address of a file in a folder."""
    return RemotePath(f"{str(folder).rstrip('/')}/{name}")


def inside(place: AnyPath, name: str) -> AnyPath:
    """The place of a file in a folder, wherever that lies."""
    return below(place, name) if isinstance(place, RemotePath) else place / name


class Facts(NamedTuple):
    """Size of a file in bytes, and a number that changes when it is written: nanoseconds since 1970."""

    size: int
    modified: int


def is_address(place: object) -> bool:
    """Whether a place that a user named is an address rather than a path."""
    return bool(_ADDRESS.match(str(place)))


def located(place: str | os.PathLike) -> AnyPath:
    """The path or the address that a text names."""
    return RemotePath(str(place)) if is_address(place) else pathlib.Path(place)


def facts(path: AnyPath) -> Facts:
    """Size and time of a file.

    Raises:
        OSError: It is missing, cannot be read, or is a folder, a device or a pipe, which have no end.
    """
    if isinstance(path, RemotePath):
        with _as_os_errors():
            status = _gfile().stat(str(path))
            if status.is_directory:
                raise OSError(errno.EISDIR, "it is a folder")
            return Facts(status.length, status.mtime_nsec)
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a folder")
    return Facts(status.st_size, status.st_mtime_ns)


def read_range(path: AnyPath, begin: int, end: int) -> bytes:
    """Bytes begin to end of a file; fewer where it has become shorter.

    Raises:
        OSError: It cannot be read.
    """
    if isinstance(path, RemotePath):
        with _as_os_errors(), _gfile().GFile(str(path), "rb") as file:
            file.seek(begin)
            return file.read(end - begin)
    with open(path, "rb") as file:
        file.seek(begin)
        return file.read(end - begin)


def pieces(path: AnyPath) -> Iterator[bytes]:
    """A file's bytes, 4 MiB at a time.

    Raises:
        OSError: It cannot be read.
    """
    if isinstance(path, RemotePath):
        size = facts(path).size
        for begin in range(0, size, _PIECE):
            yield read_range(path, begin, min(begin + _PIECE, size))
        return
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            yield piece


@contextlib.contextmanager
def writing(path: AnyPath) -> Iterator[IO[Any]]:
    """A file of bytes to write, folders made where they are missing; what was there is replaced.

    On this machine it comes to its place whole when the block has ended without an error; what an address shows
    before is its file system's business.

    Raises:
        UserError: It cannot be written on this machine.
        OSError: It cannot be written at an address.
    """
    if isinstance(path, RemotePath):
        with _as_os_errors():
            _gfile().makedirs(posixpath.dirname(str(path)))
            with _gfile().GFile(str(path), "wb") as file:
                file.write(b"")  # the file is made by the first bytes, and some have none
                yield file
    else:
        with replacing(path) as temporary, temporary.open("wb") as file:
            yield file


def remove(path: AnyPath) -> None:
    """Removes a file or a folder with all that is in it, as far as that can be done."""
    with contextlib.suppress(OSError):
        if isinstance(path, pathlib.Path):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            return
        with _as_os_errors():
            if _gfile().isdir(str(path)):
                _gfile().rmtree(str(path))
            else:
                _gfile().remove(str(path))


def found_at(address: str) -> list[RemotePath]:
    """The files behind an address: all of a folder, subfolders included; what a pattern matches; or the file.

    Returns:
        In the order of a walk, the files of a folder first; none where nothing is there.

    Raises:
        OSError: The place cannot be read, or TensorFlow knows no such file system.
    """
    with _as_os_errors():
        gfile = _gfile()
        if any(mark in address for mark in "*?["):
            names = gfile.glob(address)
        elif gfile.isdir(address):
            names = [posixpath.join(folder, name) for folder, _, files in gfile.walk(address) for name in files]
        else:
            names = [address] if gfile.exists(address) else []
        return [RemotePath(name) for name in sorted(names, key=_as_walked) if not gfile.isdir(name)]


def _as_walked(name: str) -> list[tuple[bool, str]]:
    """Sorts as a walk over folders comes: the files of a folder before its subfolders."""
    *folders, last = name.split("/")
    return [*((True, folder) for folder in folders), (False, last)]


def _gfile():
    import tensorflow as tf

    return tf.io.gfile


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except tf.errors.NotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, (error.message or type(error).__name__).splitlines()[0][:200]) from None
