"""The results in one JSON file, which is written anew after every one: a stop loses one."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tf_gpt2.files import read_json, write_atomically

_LARGEST = 1 << 24


class Record:
    """Results by the names of their trials, in the order they came in, and the paces by corpus.

    Args:
        path: The file; it need not be there.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = pathlib.Path(path)
        self.results: dict[str, dict[str, Any]] = {}
        self.paces: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            remedy = "take it back from version control, or remove it to begin anew"
            stored = read_json(self._path, remedy=remedy, largest=_LARGEST)
            self.results, self.paces = stored["trials"], stored.get("paces", {})

    def add(self, name: str, result: Mapping[str, Any]) -> None:
        """Adds a result, or puts it in the place of an earlier one of that name, and writes the file."""
        self.results[name] = _rounded(dict(result))
        self._write()

    def add_pace(self, books: str, pace: Mapping[str, Any]) -> None:
        """Adds how fast both are on a corpus, or puts it in the place of an earlier one, and writes the file."""
        self.paces[books] = _rounded(dict(pace))
        self._write()

    def _write(self):
        parts = (f'"trials": {_a_line_each(self.results)}', f'"paces": {_a_line_each(self.paces)}')
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, ("{" + ",\n".join(parts) + "}\n").encode())


def _a_line_each(entries: Mapping[str, Any]) -> str:
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _rounded(value: Any) -> Any:
    """Figures to five digits that count: more are the machine's, and make the file unreadable."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
