"""The folder in which a corpus is prepared: it outlives a process that is killed, and the next goes on in it."""

import contextlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tf_gpt2.data.journal import JOURNAL_NAME
from tf_gpt2.data.token_files import new_prepared_folder
from tf_gpt2.errors import UserError
from tf_gpt2.file_system import rename, try_lock

_PREFIX = ".preparing-"
_LOCK = "lock"
_KEPT_SECONDS = 7 * 24 * 3600
_TRIES = 100  # at a lock whose folder another process removes
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def work_folder(target: Path) -> Iterator[tuple[Path, Path]]:
    """Gives a folder to work in, and one for what shall be in `target` when the block ends without an error.

    The first is kept when the process is killed, or stopped by a full disk or the user, once a journal is in it.
    Two processes that prepare the same do so apart, as far as the file system's locks reach: where they are each
    machine's own (some network file systems), two machines with one cache can meet in a folder; `write_index` then
    refuses what does not have the size it must have.

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
                    _remove(work)
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
                _remove(work)
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
                _remove(work)
                os.close(descriptor)


def _locked(work: Path) -> int | None:
    """Takes the lock of a folder, which is made; None where another process has it, or there are no locks."""
    for _ in range(_TRIES):
        try:
            work.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # removed between the two
            continue
        except OSError:  # said when the corpus's own folder is made
            return None
        taken = try_lock(descriptor)
        if taken and _is_at(descriptor, work / _LOCK):
            return descriptor
        os.close(descriptor)
        if taken is None:
            _remove(work)
        if not taken:
            return None
    return None


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether a file is still what lies there: the lock of one that another process has removed is nobody's."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _remove(work: Path) -> None:
    """Removes a folder whose lock is held, aside first: who comes meanwhile makes a new one, which must stay."""
    with contextlib.suppress(OSError):  # Windows renames no folder with an open file in it
        aside = work.with_name(f"{work.name}-{uuid.uuid4().hex[:8]}")
        rename(work, aside)
        work = aside
    shutil.rmtree(work, ignore_errors=True)
