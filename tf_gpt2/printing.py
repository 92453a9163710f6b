"""What a command shows: results on stdout, everything else on stderr; nothing breaks when one of them is gone.

A terminal gets nothing that it would obey (terminal.py). A file or a program behind a pipe gets the results as they
are.
"""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator

from tf_gpt2.errors import UserError, shorten
from tf_gpt2.terminal import for_stream, tell

# What Python does with a character that the stream's encoding lacks, where that ends in a traceback.
_GIVE_UP = ("strict", "surrogateescape", "surrogatepass")


def message(text: str) -> None:
    """Prints a message for the person at the terminal; results alone go to stdout."""
    tell(sys.stderr, text)


def result(text: str, end: str = "\n") -> None:
    """Prints what the command was asked for to stdout, at once.

    Raises:
        UserError: It cannot be written, to a full disk say.
        BrokenPipeError: Its reader is gone.
    """
    if sys.stdout is None:
        return
    try:
        print(for_stream(text, sys.stdout), end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(
            f"cannot write to the standard output: {error.strerror or error}; free space or send it elsewhere"
        ) from None


def error_line(error: object) -> None:
    """Prints what went wrong as one line, shortened when it is long."""
    message(f"error: {shorten(' '.join(str(error).splitlines()))}")


def on_terminal() -> bool:
    """Whether a person sees stderr, so that a line of progress may be drawn over and over."""
    return sys.stderr is not None and sys.stderr.isatty()


def draw(line: str, end: str = "") -> None:
    """Draws a line of progress over the former one, on a terminal only; `end` closes the last one."""
    if on_terminal():
        tell(sys.stderr, line, before="\r", end=end)


class _ToStderr(logging.Handler):
    """What the library tells of its progress, to the standard error of the moment."""

    def __init__(self) -> None:
        super().__init__()
        self.explain: Callable[[str], str] = str  # of a command, its words for the library's arguments

    def emit(self, record: logging.LogRecord) -> None:
        message("\n".join(map(shorten, self.explain(self.format(record)).split("\n"))))


def explain_log(explain: Callable[[str], str]) -> None:
    """Has the log that is shown now say things in a command's words."""
    for handler in logging.getLogger("tf_gpt2").handlers:
        if isinstance(handler, _ToStderr):
            handler.explain = explain


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


def occupy_missing_streams() -> None:
    """Opens nothing in place of a stream that the process was started without.

    A file opened later would get its number, and what libraries write to "stderr" would land in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


def show_what_the_terminal_lacks() -> None:
    """Lets a terminal that is not UTF-8 show ? for a character it lacks; without this, Python gives up."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _GIVE_UP:
            stream.reconfigure(errors="replace")


def let_go_of_closed_streams() -> bool:
    """Points streams that take nothing more nowhere: Python would complain at its exit that it cannot flush them.

    Returns:
        Whether stdout has taken everything, or its reader did not want more.
    """
    arrived = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            arrived = arrived and (stream is sys.stderr or isinstance(error, BrokenPipeError))
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return arrived
