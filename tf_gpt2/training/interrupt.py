"""Ctrl-C and SIGTERM as a wish that the training loop meets between two steps."""

import contextlib
import signal
import types


class DeferredSignals(contextlib.AbstractContextManager):
    """While it is entered, the first signal is a wish; a second one acts at once, as KeyboardInterrupt.

    Outside the main thread Python takes no signal handlers: there it does nothing, and signals are the caller's own
    business. A signal that the parent process has set to be ignored stays ignored.

    Attributes:
        received: The signal that came, None so far.
    """

    def __init__(self):
        self.received: int | None = None
        self._former = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            try:
                self._former[number] = signal.signal(number, self._wish)
            except ValueError:  # not the main thread
                break
        return self

    def __exit__(self, *_):
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former = {}

    def _wish(self, number: int, _: types.FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
