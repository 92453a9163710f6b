"""What differs between systems when files are written: locks, renames, and seeing data onto the disk.

A lock ends with its process, however that ends.
"""

import errno
import os
import pathlib
import time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WINDOWS = os.name == "nt"
# Windows refuses to rename what a virus scanner or an indexer has just opened: seconds to wait before each new try.
_WAITS = (0.02, 0.1, 0.4, 1.5)
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)

_CANNOT_RESERVE = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.ENODEV)


def try_lock(descriptor: int) -> bool | None:
    """Takes the lock of an open file without waiting.

    It belongs to the descriptor and is free again when that is closed, by the death of the process too.

    Args:
        descriptor: Of a file open for writing.

    Returns:
        True when it was taken, False when another descriptor has it, here or in another process, and None where the
        file system has no locks.
    """
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def lock_new_file(path: str | os.PathLike) -> int | None:
    """Makes a file and takes its lock.

    Returns:
        The descriptor, which the caller closes; None when the file was taken away or locked meanwhile, as a sweep
        that found it without its lock does: try again with another one.

    Raises:
        OSError: The file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:  # its folder is gone
        return None
    try:
        if try_lock(descriptor) is not False and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None


def reserve(path: str | os.PathLike, size: int) -> None:
    """Gives a file so many bytes, zeros where it had fewer, and room for them on the disk.

    Without the room, what is written through a memory map later ends the process when the disk is full.

    Args:
        path: The file, which is made where it is missing.
        size: Its bytes, more than 0 and no fewer than it has.

    Raises:
        OSError: There is no room, or the file cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "r+b") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                return os.posix_fallocate(descriptor, 0, size)
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
        left = size - file.seek(0, os.SEEK_END)
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 20)))


def rename(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Renames a file, over a former one too, or a folder to where nothing is.

    Raises:
        OSError: It cannot be; on Windows also while another program keeps one of the two open.
    """
    for wait in _WAITS if WINDOWS else ():
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(wait)
    return os.replace(source, target)


def sync(path: str | os.PathLike) -> None:
    """Sees a file or a folder safely onto the disk, where the system can.

    Raises:
        OSError: The disk failed.
    """
    # Windows has no way for folders, and flushes only files that are open for writing.
    if WINDOWS and os.path.isdir(path):
        return
    try:
        descriptor = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_tree(folder: str | os.PathLike) -> None:
    """As `sync`, for a folder and all that is in it."""
    for place, _, names in os.walk(pathlib.Path(folder), topdown=False):
        for name in names:
            sync(pathlib.Path(place, name))
        sync(place)
