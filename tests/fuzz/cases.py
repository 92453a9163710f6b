"""One case: files damaged, put into a folder and given to a command's function; and what counts as clean.

Clean is what a person at a terminal may meet: the work done, or one line that says what is wrong, of at most 500
characters and without any that a terminal obeys.
"""

import io
import os
import random
import sys
import unicodedata

from .mutation import mutate

LONGEST_LINE = 500
# What may be in place of a file that came from a stranger, or be named by a link in it.
_PLACES = ("missing", "folder", "zeros", "loop", "pipe")
_SPECIAL_SHARE = 0.02


def prepare(tried, seed, number, folder):
    """Puts the damaged files of a case into `folder`; the same for the same seed and number, everywhere."""
    rng = random.Random(f"{seed} {tried.name} {number}")
    files = dict(rng.choice(tried.variants))
    for name in rng.sample(tried.damaged(files), 1 if rng.random() < 0.9 or len(files) == 1 else 2):
        if tried.places and rng.random() < _SPECIAL_SHARE:
            files[name] = rng.choice(_PLACES)
        else:
            files[name] = mutate(rng, name, files[name])
    for name, content in files.items():
        _put(folder / name, content)


def _put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    elif content == "zeros":
        path.symlink_to("/dev/zero")
    elif content == "loop":
        path.symlink_to(path)
    elif content == "pipe":
        os.mkfifo(path)


class _Terminal(io.TextIOWrapper):
    """What a command prints to, as if a person saw it."""

    def isatty(self):
        return True


def judged(work, folder):
    """Runs `work(folder)` as a command does, with both streams a terminal; returns (kind, detail)."""
    from tf_gpt2 import command

    shown = folder / "shown"
    with shown.open("wb") as file:
        for stream in (1, 2):  # what is written past Python counts too
            os.dup2(file.fileno(), stream)
    sys.stdout, sys.stderr = (_Terminal(open(stream, "ab", 0), "utf-8", write_through=True) for stream in (1, 2))
    code = command.call(lambda argv: work(folder) or 0, [])
    data = shown.read_bytes()
    fault = _fault(code, data)
    return ("shown", f"{fault}: {data[-300:]!r}") if fault else ("refused" if code else "done", "")


def _fault(code, data):
    """What is wrong with what was shown; None when nothing is."""
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        return "what was shown is not UTF-8"
    errors = [line for line in lines if line.startswith("error: ")]
    if code not in (0, 2):
        return f"exit code {code}"
    if code == 2 and (len(errors) != 1 or lines[-2:] != [errors[0], ""]):
        return "no single line at the end says what is wrong"
    if max(map(len, lines)) > LONGEST_LINE + len("error: "):
        return "a line is too long"
    if any("Traceback (most recent" in line or "panicked at" in line for line in lines):
        return "it shows the inside of a program"
    if odd := next((c for c in "".join(lines) if _obeyed(c)), None):
        return f"the terminal gets {odd!r}"
    return None


def _obeyed(character):
    """Whether a terminal does something else than show it: controls, direction marks."""
    return unicodedata.category(character) == "Cc" and character != "\t" or character in _DIRECTIONS


_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
