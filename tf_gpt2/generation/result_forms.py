"""The forms in which results are written, told by a file's name before a model is opened; needs no TensorFlow."""

import pathlib

from tf_gpt2.corpus.tables import DELIMITERS
from tf_gpt2.errors import UserError

PLAIN = ".txt"
_FULL = (".jsonl", ".ndjson", *DELIMITERS)


def check_form(path: pathlib.Path) -> None:
    """Sees that a file's name tells the form of the results; a device or a pipe takes JSON lines.

    Raises:
        UserError: It does not.
    """
    if path.suffix.lower() not in (PLAIN, *_FULL) and (path.is_file() or not path.exists()):
        raise UserError(
            f"`output` must end in {PLAIN} for the texts alone, or {', '.join(_FULL)} for all about them; received "
            f"{str(path)!r}"
        )
