"""The files of a folder of texts, without what this program itself has put there."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# What a folder is that holds all of these, one of the names in each; a name alone may be anybody's.
# The names are those of run_directory.py, of the exporters and of the libraries whose formats these write.
_OURS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("a run of this program", (("training.json",), ("metrics.jsonl", "checkpoints"))),
    ("a run of this program", (("chain.json",), ("generations",))),
    (
        "a model",
        (("config.json",), ("model.safetensors", "model.weights.h5", "pytorch_model.bin", "tf_model.h5")),
    ),
    ("a model", (("hparams.json",), ("encoder.json",))),
    ("a page of this program", (("site.json",), ("index.html",))),
    ("models for TensorFlow Serving", (("models.config",), ("batching_parameters.txt",))),
)


def what_is_made(names: Iterable[str]) -> str | None:
    """What a folder with entries of these names is, when this program or one like it made it; None for a user's."""
    present = set(names)
    for kind, marks in _OURS:
        if all(present.intersection(mark) for mark in marks):
            return kind
    return None


def files_in(folder: Path, left_out: dict[Path, str], unreadable: Callable[[OSError], None]) -> list[Path]:
    """The files in a folder and in those below it that are the user's.

    Args:
        folder: The folder.
        left_out: Takes the folders that were passed over, and what they are.
        unreadable: Called with the error where a folder cannot be read.
    """
    files, seen = [], {folder.resolve()}
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        made = what_is_made([*folders, *names])
        if made:
            left_out[Path(parent)] = made
            folders.clear()
            continue
        # Sorted here, so that the walk and with it the corpus come in the same order everywhere. Links that lead to
        # where the walk has been would make it endless.
        kept = []
        for name in sorted(folders):
            place = Path(parent, name).resolve()
            if not name.startswith(".") and place not in seen:
                seen.add(place)
                kept.append(name)
        folders[:] = kept
        files += [Path(parent, name) for name in sorted(names)]
    return files


def outside_made(files: Iterable[Path], pattern: Path, left_out: dict[Path, str]) -> Iterator[Path]:
    """Those files that a glob has not found inside what this program made; a folder that it names is taken.

    Args:
        files: What the glob matches.
        pattern: The glob.
        left_out: Takes the folders that were passed over, and what they are.
    """
    named = set(pattern.parents)
    known: dict[Path, str | None] = {}
    for file in files:
        inside = None
        for folder in reversed(file.parents):
            if folder in named:
                continue
            if folder not in known:
                known[folder] = what_is_made(os.listdir(folder))
            if known[folder]:
                inside = folder
                break
        if inside is None:
            yield file
        else:
            left_out[inside] = known[inside] or ""
