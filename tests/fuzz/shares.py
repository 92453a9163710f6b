"""The processes that cases are forked from: one for a share of the cases of a format."""

import contextlib
import gc
import importlib
import os
import pathlib
import shutil
import sys
import tempfile

from .cases import judged, prepare
from .formats import FORMATS
from .watch import watched

CLEAN = ("done", "refused")
SHARE = 250  # cases of one process; starting it takes a second


def run_share(task):
    """Runs cases of a format in children of this process.

    Args:
        task: (name, seed, first number, number of cases in all).

    Returns:
        (name, [(number, kind, detail)]).
    """
    name, seed, first, cases = task
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    tried = FORMATS[name]
    for module in ("tf_gpt2.command", *tried.modules):
        importlib.import_module(module)
    tried.variants  # noqa: B018 - made here, once, for all cases
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_memory_folder()) as place:
        _import_what_is_needed(tried, seed, pathlib.Path(place, "first"))
        gc.collect()
        gc.freeze()  # what a child's collector does not walk it does not copy
        for number in range(first, min(first + SHARE, cases)):
            folder = pathlib.Path(place, "case")
            folder.mkdir()
            kind, detail = watched(lambda: _case(tried, seed, number, folder))  # noqa: B023 - called here
            if kind not in CLEAN and (folder / "stderr").is_file():
                detail += f"; stderr: {(folder / 'stderr').read_bytes()[:300]!r}"
            outcomes.append((number, kind, detail))
            shutil.rmtree(folder)
    return name, outcomes


def _import_what_is_needed(tried, seed, folder):
    """Imports what a case does on its way, so that its children need not.

    The case is tried in a child: what it computes may leave threads behind, which no fork takes along.
    """
    folder.mkdir()

    def modules():
        judged(lambda place: prepare(tried, seed, 0, place) or tried.work(place), folder)
        return "modules", " ".join(sys.modules)

    kind, names = watched(modules)
    for name in names.split() if kind == "modules" else ():
        if name not in sys.modules and name != "__main__":
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _case(tried, seed, number, folder):
    prepare(tried, seed, number, folder)
    return judged(tried.work, folder)


def _memory_folder():
    """Where files cost no disk, if there is such a place."""
    place = pathlib.Path("/dev/shm")
    return place if place.is_dir() and os.access(place, os.W_OK) else None


def run_here(tried, seed, number, folder):
    """The case in this process, for a debugger: nothing is caught and nothing watched."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    prepare(tried, seed, number, folder)
    return tried.work(folder)
