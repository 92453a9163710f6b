"""The error for mistakes a user can make, and how others become one."""

import contextlib
from collections.abc import Iterator

LONGEST_MESSAGE = 500  # characters


class UserError(ValueError):
    """A mistake of the user: one line with the rule, the value received and the remedy.

    Arguments stand in backticks under their Python names, as in "`top_k` must be at least 0"; a command shows those
    that are flags of its own as flags (flags.py).
    """


@contextlib.contextmanager
def found_in(path: object) -> Iterator[None]:
    """Tells of mistakes in the block as found in a file: what stands in backticks is a field of it, no argument.

    Raises:
        UserError: The block did; with the file's name.
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {str(error).replace('`', '')}") from None


def is_rust_panic(error: BaseException) -> bool:
    """Whether a library written in Rust gave up: PyO3's PanicException, no Exception, cannot be imported."""
    return type(error).__name__ == "PanicException"


def shorten(text: str, length: int = LONGEST_MESSAGE) -> str:
    """Cuts the middle out of a text that is longer than `length` characters."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"
