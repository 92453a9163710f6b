"""How far a preparation has come, so that one that was killed is gone on with: no finished work is done again.

Work is finished when the journal says so: files are on the disk before it, what was written after it is cut off.
"""

import json
import logging
import os
import time
import zlib
from pathlib import Path
from typing import Any

from tf_gpt2.file_system import rename, sync
from tf_gpt2.files import read_bounded

JOURNAL_NAME = "journal.json"
COMMIT_BYTES = 256 << 20  # read or tokenised between two entries
_VERSION = 1  # raise it when a part of the work notes something else, or files are cut in another way
_LARGEST = 256 << 20
_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Journal:
    """The journal of a folder in which a corpus is being prepared.

    Attributes:
        sections: What each part of the work noted last, any JSON values by its name.
    """

    def __init__(self, folder: Path):
        """Reads what was written last, and cuts its files to what they held then."""
        self._folder = folder
        self._since = 0
        self._files: dict[str, int] = {}
        self.sections: dict[str, Any] = {}
        try:
            entry = json.loads(read_bounded(folder / JOURNAL_NAME, _LARGEST))
            if entry["version"] != _VERSION or entry["crc32"] != _sum(entry["files"], entry["sections"]):
                return
            if all((folder / name).stat().st_size >= size for name, size in entry["files"].items()):
                for name, size in entry["files"].items():
                    os.truncate(folder / name, size)
                self._files, self.sections = entry["files"], entry["sections"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # there is nothing to go on with

    def is_due(self, done: int) -> bool:
        """Counts bytes of work; whether there are enough of them for an entry."""
        self._since += done
        return self._since >= COMMIT_BYTES

    def write(self, section: str, state: dict[str, Any], files: dict[str, int]) -> None:
        """Writes an entry.

        Args:
            section: Part of the work that it is about.
            state: What that part needs to go on.
            files: Size in bytes of each file that it speaks of.

        Raises:
            OSError: It cannot be written, or a file not be seen onto the disk.
        """
        self.sections[section] = state
        self._files |= files
        for name in files:
            sync(self._folder / name)
        entry: dict[str, Any] = {"version": _VERSION, "crc32": _sum(self._files, self.sections)}
        entry |= {"files": self._files, "sections": self.sections}
        new = self._folder / f"{JOURNAL_NAME}.new"  # the folder is one process's, so no workspace is needed
        new.write_text(json.dumps(entry))
        sync(new)
        rename(new, self._folder / JOURNAL_NAME)
        self._since = 0


def _sum(files: dict[str, int], sections: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps([files, sections], sort_keys=True).encode())


class Pace:
    """Says now and then how much of some bytes is done, how fast, and about how long the rest takes."""

    def __init__(self, doing: str, total: int, done: int = 0):
        self._doing, self._total, self._first = doing, max(1, total), done
        self._begin = self._said = time.monotonic()

    def at(self, done: int) -> None:
        """Tells that `done` bytes of the total are done."""
        now = time.monotonic()
        if now - self._said < _SECONDS or done <= self._first:
            return
        self._said = now
        rate = (done - self._first) / (now - self._begin)
        left = max(0, self._total - done) / rate
        _log.info(
            "%s: %s of %s (%d %%), %.0f MB/s, about %s left",
            self._doing, in_bytes(done), in_bytes(self._total), min(100, 100 * done // self._total), rate / 1e6,
            f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min",
        )  # fmt: skip


def in_bytes(size: float) -> str:
    """A size for people: "1.5 GB", "20 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"
