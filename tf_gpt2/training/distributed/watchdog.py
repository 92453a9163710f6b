"""The end of a process whose main thread waits in an operation that nothing ends."""

import atexit
import faulthandler
import os
import threading

from tf_gpt2 import printing

_SECONDS_TO_END = 15.0
_EXIT = 2  # as after a user's mistake (command.py)


class LastResort:
    """Once started, ends the process after a while, unless it is stopped."""

    def __init__(self):
        self._stopped = threading.Event()

    def start(self, line: str) -> None:
        """Gives the main thread some seconds to end by itself; `line` is said if it has not."""
        threading.Thread(target=self._end, args=(line,), daemon=True).start()

    def stop(self) -> None:
        """The main thread goes its own way."""
        self._stopped.set()

    def _end(self, line):
        if not self._stopped.wait(_SECONDS_TO_END):
            printing.error_line(line)
            os._exit(_EXIT)


def end_soon_at_exit() -> None:
    """When the program is through, its process ends within seconds, though TensorFlow waits for others then."""
    nowhere = open(os.devnull, "w")  # noqa: SIM115  # open to the end: faulthandler writes where threads are
    atexit.register(faulthandler.dump_traceback_later, _SECONDS_TO_END, exit=True, file=nowhere)
