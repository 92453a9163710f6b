"""What the `tokenizers` library does with what it cannot take, told in one line.

It raises bare Exception, or panics: PyO3 then raises PanicException, which is no Exception, after Rust has written
the panic and a backtrace past Python to the process's standard error.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import shorten

_PANIC = "PanicException"  # its class cannot be imported
_STDERR = 2
_LONGEST_REASON = 200


class _Silence:
    """Standard error leads nowhere while any thread is inside."""

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = None

    def __enter__(self):
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            with contextlib.suppress(OSError):  # a process may be without one
                self._kept = os.dup(_STDERR)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, _STDERR)
                os.close(nowhere)

    def __exit__(self, *_):
        with self._lock:
            self._inside -= 1
            if self._inside or self._kept is None:
                return
            os.dup2(self._kept, _STDERR)
            os.close(self._kept)
            self._kept = None


_SILENCE = _Silence()


@contextlib.contextmanager
def told(as_error: Callable[[str], UserError]) -> Iterator[None]:
    """Turns whatever the library raises in the block into `as_error(reason)`; nothing of it reaches the terminal.

    Raises:
        UserError: The library gave up.
    """
    try:
        with _SILENCE:
            yield
    except (UserError, OSError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise as_error(shorten(reason, _LONGEST_REASON)) from None
