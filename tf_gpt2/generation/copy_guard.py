"""Keeps what is written free of copies: which tokens would complete a run of so many characters of a corpus.

A run counts when it ends in what the model writes; its beginning may stand in the prompt. Text is written as it
comes and looked at afterwards, so text without copies costs one look a chunk; a copy is taken back to the token
that completed it, and that one is drawn again without all that would copy (session.py). Random numbers belong to
places in the text, so the result is that of looking before every draw. A page can do the same with the same index.

Shapes: V vocabulary_size.
"""

import bisect
from typing import Any, Protocol

import numpy as np

from tf_gpt2.tokenizer import Tokenizer

# Where so few tokens are long enough to end in a run, they are looked up one by one.
_FEW_TOKENS = 200
_REPLACEMENT = "\ufffd"


class Copies(Protocol):
    """What finds runs of a corpus: `tf_gpt2.evaluation.text_index.TextIndex`."""

    def longest_matches(self, passage: str) -> Any:
        """The longest run from every character of a passage that stands in the corpus; `lengths` are wanted."""

    def occurs(self, run: bytes) -> bool:
        """Whether a run stands in the corpus."""

    def continuations(self, run: bytes, characters: int) -> set[bytes]:
        """The pieces of so many characters that follow a run in the corpus."""


class CopyGuard:
    """Finds and forbids copied runs.

    Args:
        copies: The corpus.
        tokenizer: Of the model.
        least: Characters of the shortest run that must not be written.
    """

    def __init__(self, copies: Copies, tokenizer: Tokenizer, least: int):
        self._copies, self._tokenizer, self._least = copies, tokenizer, least
        self._end = tokenizer.end_of_text_id
        self._spelled = [self._spelling(i) for i in range(tokenizer.vocab_size)]
        self._order = sorted(range(len(self._spelled)), key=lambda i: self._spelled[i])
        self._sorted = [self._spelled[i] for i in self._order]
        self._goes_on = np.array([bool(s) and s[0] & 0xC0 == 0x80 for s in self._spelled])  # amid a character
        # Characters that a token completes at most: those that begin in it, and one that began before.
        self._most = np.array([sum(byte & 0xC0 != 0x80 for byte in s) for s in self._spelled]) + self._goes_on
        self._alone = [
            i
            for i in np.flatnonzero(self._most >= least).tolist()
            if self._has_copy(self._spelled[i].decode("utf-8", "replace"))
        ]

    def first_copy(self, before: list[int], new: list[int]) -> int | None:
        """Which of the `new` ids completes a copied run first; None when none does.

        Args:
            before: Ids that they follow, without such a run but perhaps in a prompt.
            new: Ids that were written.
        """
        if not self._copied(before, new):
            return None
        return bisect.bisect_left(range(len(new)), True, key=lambda last: self._copied(before, new[: last + 1]))

    def forbidden(self, before: list[int]) -> np.ndarray:
        """Which ids would complete a copied run after those: bool [V].

        Where tokens are no strings of bytes (WordPiece, say) some may be missing.
        """
        mask = np.zeros(len(self._spelled), bool)
        mask[self._alone] = True
        data = self._bytes(before)
        text = data.decode("utf-8", "replace").rstrip(_REPLACEMENT)[-(self._least - 1) :] if self._least > 1 else ""
        pending = _pending(data)
        for length in range(self._longest_ending(text), -1, -1):
            needed = self._least - length
            tokens = np.flatnonzero(self._most >= needed)
            if not length:  # runs that begin with the pending character; `_alone` has those that begin later
                tokens = tokens[self._goes_on[tokens]] if pending else tokens[:0]
            if not len(tokens):
                break
            run = text[len(text) - length :].encode("utf-8", "replace")
            if len(tokens) <= _FEW_TOKENS or not length:
                mask[[i for i in tokens.tolist() if self._continues(run, pending + self._spelled[i], needed)]] = (
                    True
                )
                continue
            for piece in self._copies.continuations(run, needed):
                if piece.startswith(pending):
                    rest = piece[len(pending) :]
                    first, last = (
                        bisect.bisect_left(self._sorted, rest),
                        bisect.bisect_left(self._sorted, rest + b"\xff"),
                    )
                    mask[self._order[first:last]] = True
        mask[self._end] = False
        return mask

    def _copied(self, before, new):
        """Whether a run ends in the new ids; an end of text among them parts runs."""
        while self._end in new:
            at = new.index(self._end)
            if self._copied(before, new[:at]):
                return True
            before, new = [], new[at + 1 :]
        if not new:
            return False
        before = self._recent(before)
        known = len(self._text(before).rstrip(_REPLACEMENT))
        text = self._text(before + new)
        return self._has_copy(text[max(0, known - self._least + 1) :])

    def _has_copy(self, text):
        if len(text) < self._least:
            return False
        # A run has one of these halves in it, and they are seldom in a corpus: it costs little to look for them.
        half = self._least // 2
        halves = (text[begin : begin + half] for begin in range(0, len(text) - half + 1, half))
        if not any(self._copies.occurs(piece.encode("utf-8", "replace")) for piece in halves):
            return False
        return bool((self._copies.longest_matches(text).lengths >= self._least).any())

    def _recent(self, ids):
        """The ids that decide on a run: after the last end of text, four a character (bytes) at most."""
        ids = ids[-(4 * self._least + 16) :]
        return ids[len(ids) - ids[::-1].index(self._end) :] if self._end in ids else ids

    def _text(self, ids):
        """Like the tokenizer's own `decode`, which looks at every id, in a fifth of its time."""
        if self._tokenizer.kind == "other":
            return self._tokenizer.decode(ids)
        return b"".join([self._spelled[i] for i in ids]).decode("utf-8", "replace")

    def _bytes(self, ids):
        ids = self._recent(ids)
        if self._tokenizer.kind == "other":
            return self._tokenizer.decode(ids).encode("utf-8", "replace")
        return b"".join(self._spelled[i] for i in ids)

    def _spelling(self, token_id):
        if token_id == self._end:
            return b""
        spelled = self._tokenizer.token_bytes(token_id)
        if spelled is None:
            spelled = self._tokenizer.decode([token_id]).removeprefix("##").encode("utf-8", "replace")
        return spelled

    def _longest_ending(self, text):
        """Characters of the longest end of `text` that stands in the corpus."""
        ends = np.arange(len(text)) + self._copies.longest_matches(text).lengths
        whole = np.flatnonzero(ends == len(text))
        return len(text) - int(whole[0]) if len(whole) else 0

    def _continues(self, run, data, characters):
        piece = data.decode("utf-8", "replace")[:characters]
        return len(piece) == characters and self._copies.occurs(run + piece.encode())


def _pending(data: bytes) -> bytes:
    """The bytes at the end that are the beginning of a character."""
    for size in range(1, min(4, len(data)) + 1):
        lead = data[-size]
        if lead & 0xC0 != 0x80:
            width = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return data[-size:] if size < width else b""
    return b""
