"""The folder in which a corpus is prepared: it outlives a process that is killed, and the next goes on in it."""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from tf_gpt2.data.journal import JOURNAL_NAME
from tf_gpt2.data.token_files import new_prepared_folder
from tf_gpt2.errors import UserError
from tf_gpt2.file_system import rename, try_lock

_PREFIX = ".preparing-"
_LOCK = "lock"
_KEPT_SECONDS = 7 * 24 * 3600
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def work_folder(target: Path) -> Iterator[tuple[Path, Path]]:
    """Gives a folder to work in, and one for what shall be in `target` when the block ends without an error.

    The first is kept when the process is killed, or stopped by a full disk or the user, once a journal is in it.
    Two processes that prepare the same do so apart.

    Raises:
        UserError: The disk is full or the place cannot be written.
    """
    work = target.parent / f"{_PREFIX}{target.name}"
    sweep_work(target.parent, but=work)
    descriptor, keep = _locked(work), False
    try:
        with new_prepared_folder(target) as new:
            if descriptor is None:
                work = new / _PREFIX
                work.mkdir()
            try:
                yield work, new
            finally:
                if descriptor is None:
                    shutil.rmtree(work, ignore_errors=True)
    except UserError as error:
        keep = isinstance(error.__cause__ or error.__context__, OSError)  # of the cache: a full disk
        raise
    except BaseException:
        keep = True
        raise
    finally:
        if descriptor is not None:
            if keep and (work / JOURNAL_NAME).exists():
                _log.info("what is prepared so far is kept: the same command goes on from there")
            else:
                shutil.rmtree(work, ignore_errors=True)
            os.close(descriptor)


def move(work: Path, new: Path, names: list[str]) -> None:
    """Puts files from the one folder into the other; where links can be made they stay in the first too."""
    for name in names:
        try:
            os.link(work / name, new / name)
        except OSError:
            rename(work / name, new / name)


def sweep_work(folder: Path, but: Path) -> None:
    """Removes what killed preparations left in `folder` and nobody has gone on with for a week."""
    for work in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            journal = work / JOURNAL_NAME
            fresh = journal.exists() and time.time() - journal.stat().st_mtime < _KEPT_SECONDS
            descriptor = None if fresh or work == but else _locked(work)
            if descriptor is not None:
                shutil.rmtree(work, ignore_errors=True)
                os.close(descriptor)


def _locked(work: Path) -> int | None:
    """Takes the lock of a folder, which is made; None where another process has it, or there are no locks."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # said when the corpus's own folder is made
        return None
    taken = try_lock(descriptor)
    if taken:
        return descriptor
    os.close(descriptor)
    if taken is None:
        shutil.rmtree(work, ignore_errors=True)
    return None
