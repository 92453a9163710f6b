"""The error for mistakes a user can make."""


class UserError(ValueError):
    """A mistake of the user: one line with the rule, the value received and the remedy."""
