"""Ctrl-C and SIGTERM as a wish that the training loop meets between two steps."""

import contextlib
import logging
import os
import signal
import socket
import threading
import types
from collections.abc import Callable

# What sends SIGTERM sends SIGKILL before long: SLURM after 30 s, Kubernetes after 30, Docker after 10 unless told.
SECONDS_TO_MEET = 12.0
_EXIT_INTERRUPTED = 130
_log = logging.getLogger(__name__)


class DeferredSignals(contextlib.AbstractContextManager):
    """While it is entered, the first signal is a wish; a second one acts at once, as KeyboardInterrupt.

    Outside the main thread Python takes no signal handlers: there it does nothing, and signals are the caller's own
    business. A signal that the parent process has set to be ignored stays ignored.

    Attributes:
        received: The signal that came, None so far.
        overdue: Called in another thread when SIGTERM was not met in twelve seconds, because a step or its
            compilation takes longer, say; the process ends after it. What is on the disk is whole at any moment.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.overdue: Callable[[], None] = lambda: None
        self._former: dict = {}
        self._watchdog: _Watchdog | None = None

    def __enter__(self) -> "DeferredSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            try:
                self._former[number] = signal.signal(number, self._wish)
            except ValueError:  # not the main thread
                break
        if signal.SIGTERM in self._former:
            self._watchdog = _Watchdog(lambda: self.overdue())
        return self

    def __exit__(self, *_: object) -> None:
        if self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former = {}

    def meet(self) -> None:
        """Says that the wish is being met: writing goes on until it is done."""
        if self._watchdog is not None:
            self._watchdog.met.set()

    def _wish(self, number: int, _: types.FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number


class _Watchdog:
    """Ends the process when SIGTERM is not met in time.

    Python runs a signal's handler when the main thread comes back from TensorFlow; the number of the signal arrives
    here at once.
    """

    def __init__(self, overdue: Callable[[], None]):
        self.met = threading.Event()
        self._overdue = overdue
        self._numbers, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._former = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="sigterm", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.met.set()
        signal.set_wakeup_fd(self._former)
        self._writing.close()  # ends the thread's reading
        self._thread.join()
        self._numbers.close()

    def _watch(self) -> None:
        while number := self._numbers.recv(1):
            if number[0] == signal.SIGTERM and not self.met.wait(SECONDS_TO_MEET):
                self._give_up()

    def _give_up(self) -> None:
        try:
            self._overdue()
            _log.info(
                f"SIGTERM could not be met in {SECONDS_TO_MEET:g} s and ends the process; the same command goes on "
                "from the newest checkpoint"
            )
        finally:
            os._exit(_EXIT_INTERRUPTED)
