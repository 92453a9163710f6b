"""The error for mistakes a user can make."""

LONGEST_MESSAGE = 500  # characters


class UserError(ValueError):
    """A mistake of the user: one line with the rule, the value received and the remedy.

    Arguments stand in backticks under their Python names, as in "`top_k` must be at least 0"; a command shows those
    that are flags of its own as flags (flags.py).
    """


def in_file(path: object, error: Exception) -> UserError:
    """The same mistake found in a file: what stood in backticks is a field of it then, not an argument."""
    return UserError(f"{path}: {str(error).replace('`', '')}")


def shorten(text: str, length: int = LONGEST_MESSAGE) -> str:
    """Cuts the middle out of a text that is longer than `length` characters."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"
