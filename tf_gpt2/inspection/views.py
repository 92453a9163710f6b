"""The views that a file shows, and the limits on what it holds. Needs no TensorFlow."""

from collections.abc import Sequence

from tf_gpt2.errors import UserError

# In the order in which a reader meets them.
VIEWS = ("candidates", "surprise", "attention", "neurons", "lens", "walk")
LANGUAGES = ("zh", "en")
# Tokens of a text that are looked at, unless more are asked for: attention grows with their square.
WINDOW = 400


def check_views(views: Sequence[str]) -> tuple[str, ...]:
    """The views in their order, each once.

    Raises:
        UserError: One is unknown, or there is none.
    """
    for view in views:
        if view not in VIEWS:
            raise UserError(f"`views` must be of {', '.join(VIEWS)}; received {view!r}")
    if not views:
        raise UserError(f"`views` must name at least one of {', '.join(VIEWS)}; received none")
    return tuple(view for view in VIEWS if view in views)
