"""What a command shows: results on stdout, everything else on stderr; nothing breaks when one of them is gone."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator


def message(text: str) -> None:
    """Prints a message for the person at the terminal; results alone go to stdout."""
    if sys.stderr is not None:  # a process may be started without one
        print(text, file=sys.stderr, flush=True)


def result(text: str, end: str = "\n") -> None:
    """Prints what the command was asked for to stdout, at once."""
    if sys.stdout is not None:
        print(text, end=end, flush=True)


def on_terminal() -> bool:
    """Whether a person sees stderr, so that a line of progress may be drawn over and over."""
    return sys.stderr is not None and sys.stderr.isatty()


def draw(line: str, end: str = "") -> None:
    """Draws a line of progress over the former one, on a terminal only; `end` closes the last one."""
    if on_terminal():
        print(f"\r{line}", end=end, file=sys.stderr, flush=True)


class _ToStderr(logging.Handler):
    """What the library tells of its progress, to the standard error of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        message(self.format(record))


@contextlib.contextmanager
def log_shown() -> Iterator[None]:
    """Shows the library's log while a command runs, and leaves logging as it was."""
    logger, handler = logging.getLogger("tf_gpt2"), _ToStderr()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def show_what_the_terminal_lacks() -> None:
    """Lets a terminal that is not UTF-8 show ? for a character it lacks; without this, Python gives up."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def let_go_of_closed_streams() -> None:
    """Points streams whose reader is gone nowhere: Python would complain at its exit that it cannot flush them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
