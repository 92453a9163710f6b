"""What a terminal may be given: it obeys some characters instead of showing them.

Tokens, titles, paths and messages come from files of strangers. An escape sequence in them could rename the window,
overwrite what was said before or answer for the user; a mark of writing direction shows a path as another one.
Everything that a person is shown goes through `for_terminal`.
"""

import contextlib
import re
from typing import TextIO

# C0 and C1 controls but tab and line feed; marks of direction (Unicode's Bidi_Control); unpaired surrogates.
_OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SUBSTITUTE = "\ufffd"


def for_terminal(text: str) -> str:
    """The text with U+FFFD for every character that a terminal would obey; line feeds and tabs stay."""
    return _OBEYED.sub(_SUBSTITUTE, text.replace("\r\n", "\n"))


def for_stream(text: str, stream: TextIO) -> str:
    """The text as `stream` should have it: cleaned for a terminal, as it is for a file or another program.

    Unpaired surrogates, which no encoding has, become U+FFFD everywhere.
    """
    return for_terminal(text) if stream.isatty() else _SURROGATES.sub(_SUBSTITUTE, text)


def tell(stream: TextIO | None, text: str, *, before: str = "", end: str = "\n") -> None:
    """Prints for the person who watches; cleaned, whether that is a terminal or a log to be read on one.

    A device that is full loses the line, no more, and so does a reader that is gone: at Ctrl-C `train 2>&1 | tee`
    loses its reader first, and still has a checkpoint to save.

    Args:
        stream: Where to; None when the process was started without it.
        text: What to say.
        before: Controls of our own in front of it.
        end: What follows it.
    """
    if stream is not None:
        with contextlib.suppress(OSError):
            print(f"{before}{for_terminal(text)}", end=end, file=stream, flush=True)
