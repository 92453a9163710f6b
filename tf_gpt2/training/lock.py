"""One training at a time in a run directory: a lock that ends with its process, however that ends."""

import contextlib
import os
import pathlib
import types

from tf_gpt2.errors import UserError
from tf_gpt2.file_system import try_lock
from tf_gpt2.run_directory import CHECKPOINTS, LOCK_FILE


class RunLock(contextlib.AbstractContextManager):
    """Holds a run directory while it is entered.

    Args:
        run_dir: The directory; it is made when it is missing.

    Raises:
        UserError: On entering: another training has it, or it cannot be written.
    """

    def __init__(self, run_dir: str | os.PathLike):
        self._run_dir = pathlib.Path(run_dir)
        self._path = self._run_dir / CHECKPOINTS / LOCK_FILE
        self._descriptor: int | None = None

    def __enter__(self) -> "RunLock":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(
                f"`run_dir` {self._run_dir} cannot be written: {error.strerror or error}; choose another"
            ) from None
        if try_lock(descriptor) is False:  # None: a file system without locks
            os.close(descriptor)
            raise UserError(
                f"`run_dir` {self._run_dir} is in use: another training writes there; wait for it or choose another"
            )
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: types.TracebackType | object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def check(self) -> None:
        """Sees that the directory is still the one that was entered; writing would make it anew, with half a run.

        Raises:
            UserError: It was removed or replaced.
        """
        if self._descriptor is None:
            return
        try:
            same = os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            same = False
        if not same:
            raise UserError(
                f"`run_dir` {self._run_dir} must stay while a run writes there; it was removed or replaced: start "
                "again"
            )
