"""Where everything lies that can be made again: the sample corpus, prepared corpora."""

import os
import pathlib


def cache_folder(cache_dir: str | os.PathLike | None = None) -> pathlib.Path:
    """The folder for everything that can be made again.

    `cache_dir` if given, else the environment variable TF_GPT2_CACHE, else XDG_CACHE_HOME/tf_gpt2, else
    ~/.cache/tf_gpt2. It is not created here.
    """
    if cache_dir:
        return pathlib.Path(cache_dir).expanduser()
    if own := os.environ.get("TF_GPT2_CACHE"):
        return pathlib.Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser() / "tf_gpt2"


def prepared_corpus_folder(name: str, cache_dir: str | os.PathLike | None = None) -> pathlib.Path:
    """Where the prepared corpus lies that a run's training.json names."""
    return cache_folder(cache_dir) / "corpora" / name
