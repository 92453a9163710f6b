"""The error for mistakes a user can make."""


class UserError(ValueError):
    """A mistake of the user: one line with the rule, the value received and the remedy.

    Arguments stand in backticks under their Python names, as in "`top_k` must be at least 0"; a command shows those
    that are flags of its own as flags (command.py).
    """
