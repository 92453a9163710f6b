"""The token files of a prepared corpus, read with NumPy alone: more the rival's environment has not."""

import json
import pathlib

import numpy as np

IGNORED = -1


class Split:
    """The tokens of a split and which of them count as targets.

    Args:
        folder: The prepared corpus.
        name: "train" or "validation".
    """

    def __init__(self, folder: pathlib.Path, name: str):
        index = json.loads((folder / "index.json").read_text("utf-8"))
        layout = index["streams"][name]
        if layout["tokens"] > index["shard_tokens"]:
            raise SystemExit(f"{folder} has {name} in several files, which the rival does not read")
        self.tokens = np.fromfile(folder / f"{name}.bin", index["dtype"]).astype(np.int64)  # [N]
        self._targets = self.tokens.copy()
        self._targets[layout["unpredicted"]] = IGNORED

    def random_windows(self, draws: np.random.Generator, rows: int, length: int):
        """Windows that begin anywhere, drawn with replacement: ids and what follows each, int64 [rows, length]."""
        starts = draws.integers(0, len(self.tokens) - length, rows)
        places = starts[:, None] + np.arange(length)
        return self.tokens[places], self.tokens[places + 1]

    def every_window(self, rows: int, length: int):
        """Windows end to end, each token a target once; what fills the last ones up has `IGNORED` for targets."""
        count = -(-(len(self.tokens) - 1) // length)
        ids, targets = np.zeros(count * length, np.int64), np.full(count * length, IGNORED)
        ids[: len(self.tokens) - 1], targets[: len(self.tokens) - 1] = self.tokens[:-1], self._targets[1:]
        for first in range(0, count, rows):
            part = slice(first * length, (first + rows) * length)
            yield ids[part].reshape(-1, length), targets[part].reshape(-1, length)
