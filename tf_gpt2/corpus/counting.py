"""Counts characters: 17 million a second or so, in bounded memory."""

import numpy as np

from tf_gpt2.corpus.cleaning import replace_lone_surrogates

CODE_POINTS = 0x110000


class CharacterCounter:
    """Counts every code point of many texts, quickly for few long ones and for many short ones."""

    _PIECE = 1 << 20

    def __init__(self):
        self._counts = np.zeros(CODE_POINTS, np.int64)
        self._pending: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        """Counts the characters of `text`; unpaired surrogates count as U+FFFD."""
        for begin in range(0, len(text), self._PIECE):
            piece = text[begin : begin + self._PIECE]
            self._pending.append(piece)
            self._length += len(piece)
            if self._length >= self._PIECE:
                self._count_pending()

    def add_counts(self, code_points: np.ndarray, counts: np.ndarray) -> None:
        """Adds what another counter has counted: distinct code points [n] and their occurrences, int64 [n]."""
        self._counts[code_points] += counts

    def counts(self) -> np.ndarray:
        """Occurrences of every code point so far: int64 [0x110000]."""
        self._count_pending()
        return self._counts.copy()

    def _count_pending(self) -> None:
        text = replace_lone_surrogates("".join(self._pending))
        self._pending, self._length = [], 0
        code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        self._counts += np.bincount(code_points, minlength=CODE_POINTS)
