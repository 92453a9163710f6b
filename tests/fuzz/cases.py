"""One case: files damaged, put into a folder and given to a command's function; and what counts as clean.

Clean is what a person at a terminal may meet: the work done, or one line that says what is wrong, of at most 500
characters and without any that a terminal obeys.
"""

import functools
import io
import os
import pathlib
import random
import sys
import unicodedata

from .mutation import mutate

LONGEST_LINE = 500
# What may be in place of a file that came from a stranger, or be named by a link in it.
_PLACES = ("missing", "folder", "zeros", "loop", "pipe")
_SPECIAL_SHARE = 0.02
# What command.py says of errors that a reader should have met itself.
_LAST_RESORTS = ("there is not enough memory", "a library gave up on one", "a name must be in UTF-8")


def prepare(tried, seed, number, folder):
    """Puts the damaged files of a case into `folder`; the same for the same seed and number, everywhere."""
    rng = random.Random(f"{seed} {tried.name} {number}")
    files = dict(rng.choice(tried.variants))
    whole = tried.names and rng.random() < 0.7  # the name is damage enough
    count = 0 if whole else 1 if rng.random() < 0.9 or len(files) == 1 else 2
    for name in rng.sample(tried.damaged(files), count):
        if tried.places and rng.random() < _SPECIAL_SHARE:
            files[name] = rng.choice(_PLACES)
        else:
            files[name] = mutate(rng, name, files[name])
    for name, content in files.items():
        _put(folder / (_renamed(rng, name) if tried.names else name), content)


def _renamed(rng, name):
    """A file whose name is damaged, as long as a file system takes it; its extension stays."""
    path = pathlib.PurePosixPath(name)
    stem = mutate(rng, "name", path.stem.encode()).replace(b"/", b"").replace(b"\0", b"")[:200]
    return path.parent / (os.fsdecode(stem or b"x") + path.suffix)


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

    results, messages = folder / "stdout", folder / "stderr"
    for stream, path in ((1, results), (2, messages)):  # what is written past Python counts too
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    sys.stdout, sys.stderr = (_Terminal(io.FileIO(stream, "ab"), "utf-8", write_through=True) for stream in (1, 2))
    code = command.call(lambda argv: work(folder) or 0, [])
    for path, judge in ((results, _fault), (messages, functools.partial(_fault_of_messages, code))):
        data = path.read_bytes()
        if fault := judge(data):
            return "shown", f"{fault}: {data[-300:]!r}"
    return ("refused" if code else "done"), ""


def _fault_of_messages(code, data):
    """What is wrong with what a person was told; None when nothing is."""
    lines = data.decode("utf-8", "replace").split("\n")
    errors = [line for line in lines if line.startswith("error: ")]
    if code not in (0, 2):
        return f"exit code {code}"
    if code == 2 and (len(errors) != 1 or lines[-2:] != [errors[0], ""]):
        return "no single line at the end says what is wrong"
    if any(words in line for line in errors for words in _LAST_RESORTS):
        return "only the command's last resort had an answer"
    if max(map(len, lines)) > LONGEST_LINE + len("error: "):
        return "a line is too long"
    if any("Traceback (most recent" in line or "panicked at" in line for line in lines):
        return "it shows the inside of a program"
    return _fault(data)


def _fault(data):
    """What a terminal would make of it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "what was shown is not UTF-8"
    odd = next((character for character in text if _obeyed(character)), None)
    return None if odd is None else f"the terminal gets {odd!r}"


def _obeyed(character):
    """Whether a terminal does something else than show it: controls, direction marks."""
    return unicodedata.category(character) == "Cc" and character not in "\t\n" or character in _DIRECTIONS


_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
