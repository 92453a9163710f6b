"""Which part of a corpus is trained on, which decides, and which no decision reads.

Many texts are held out whole, for a text ends once and a cut through it would teach the model to end anywhere, and
measure it on fragments. Fewer, longer books each give their tail. What decides is the text itself, not its place in
the corpus: equal texts come to the same side, and a text stays there when others join the corpus. So the shares are
met on the average, not to the character.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tf_gpt2.errors import UserError

SPLITS = ("train", "validation", "test")
# From so many texts on they are held out whole.
WHOLE_TEXTS_FROM = 100
# A smaller corpus needs all of its text; its test span would say little anyway.
TEST_FROM_CHARACTERS = 100_000
TEST_FRACTION = 0.02
# A text of more of the characters than this is trained on: beside one novel's the words of all poems are few.
_MOST_HELD_OUT = 0.5
# How far a split may go beyond its share, in characters by one long text or in texts.
_OVERSHOOT = 1.5


@dataclasses.dataclass(frozen=True)
class Shares:
    """How much of a corpus is held out.

    Attributes:
        validation: Share of the characters that decisions read (which model is kept), 0 to below 1.
        test: Share that none reads; None for `TEST_FRACTION` from `TEST_FROM_CHARACTERS` on, and none below.
        seed: Which texts are held out, where whole ones are.

    Raises:
        UserError: A share is out of range, or nothing would be left to train on.
    """

    validation: float = 0.05
    test: float | None = None
    seed: int = 0

    def __post_init__(self):
        for name, share, usual in (("validation", self.validation, 0.05), ("test", self.test, TEST_FRACTION)):
            if share is not None and not 0 <= share < 1:
                raise UserError(
                    f"`{name}_fraction` must be at least 0 and below 1; received {share!r}. {usual:g} is usual"
                )
        if self.validation + (self.test or 0) >= 1:
            raise UserError(
                "`validation_fraction` and `test_fraction` must leave text to train on, together be below 1; "
                f"received {self.validation!r} and {self.test!r}"
            )

    def digest(self, text: bytes) -> bytes:
        """What decides whether a text is held out: bytes [16] from its bytes and the seed."""
        return self.digest_of([text])

    def digest_of(self, pieces: Iterable[bytes]) -> bytes:
        """As `digest`, of a text in pieces."""
        state = hashlib.blake2b(digest_size=16, salt=(self.seed % 2**64).to_bytes(8, "little"))
        for piece in pieces:
            state.update(piece)
        return state.digest()

    def of(self, characters: int) -> tuple[float, float]:
        """The shares of validation and test in a corpus of so many characters."""
        if self.test is not None:
            return self.validation, self.test
        worth_it = characters >= TEST_FROM_CHARACTERS and self.validation + TEST_FRACTION < 1
        return self.validation, TEST_FRACTION if worth_it else 0.0


class Cuts(NamedTuple):
    """Where a text is divided: training to `train_end`, validation from there to `validation_end`, test after."""

    train_end: int
    validation_end: int
    characters: int

    def span(self, split: str) -> tuple[int, int]:
        """First character and end of a split's part; the two are equal where it has none."""
        borders = (0, self.train_end, self.validation_end, self.characters)
        at = SPLITS.index(split)
        return borders[at], borders[at + 1]


def hold_out(lengths: np.ndarray, digests: np.ndarray, shares: Shares) -> np.ndarray:
    """Divides a corpus.

    Args:
        lengths: Characters of each text, int64 [texts].
        digests: `Shares.digest` of each text, V16 [texts].
        shares: How much to hold out.

    Returns:
        `Cuts` of each text, int64 [texts, 3].
    """
    validation, test = shares.of(int(lengths.sum()))
    if len(lengths) >= WHOLE_TEXTS_FROM:
        return _whole_texts(lengths, digests, validation, test)
    return np.array([_tails(length, validation, test) for length in lengths.tolist()], np.int64).reshape(-1, 3)


def _tails(length: int, validation: float, test: float) -> Cuts:
    validation_end = length - round(length * test)
    return Cuts(min(validation_end, max(0, length - round(length * (validation + test)))), validation_end, length)


def _whole_texts(lengths: np.ndarray, digests: np.ndarray, validation: float, test: float) -> np.ndarray:
    words = digests.view(">u8").reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))  # equal texts side by side, by their digest as bytes
    words = words[order]
    firsts = np.flatnonzero(np.append(True, np.any(words[1:] != words[:-1], axis=1)))
    sizes = np.add.reduceat(lengths[order], firsts)
    split = _sides(words[firsts], sizes, validation, test)
    split_of = np.empty(len(lengths), np.int64)
    split_of[order] = np.repeat(split, np.diff(np.append(firsts, len(lengths))))
    return np.stack([np.where(split_of == 0, lengths, 0), np.where(split_of == 2, 0, lengths), lengths], axis=1)


def _sides(words: np.ndarray, sizes: np.ndarray, validation: float, test: float) -> np.ndarray:
    """The number of each group's side, by its digest alone; by a count where that leaves a side without a text."""
    place = (words[:, 0] >> np.uint64(11)) / 2**53  # evenly spread over 0 to below 1
    # One from each end, so that a share of the test, which long corpora get, moves no text into the validation.
    fixed = np.where(place < validation, 1, np.where(place >= 1 - test, 2, 0))
    fixed[sizes > _MOST_HELD_OUT * sizes.sum()] = 0
    for split in (fixed, np.zeros_like(fixed)):
        for number, share in ((2, test), (1, validation)):
            if not np.any(split == number):
                split[_chosen(sizes, share, split)] = number
        if np.any(split == 0):
            return split
    split[np.argmax(sizes)] = 0
    return split


def _chosen(sizes: np.ndarray, share: float, split: np.ndarray) -> list[int]:
    """Free groups in order until they have a share of the characters; one that is far too long is passed over."""
    free = np.flatnonzero(split == 0)
    wanted, most = share * int(sizes.sum()), max(1, math.ceil(_OVERSHOOT * share * len(sizes)))
    chosen: list[int] = []
    have = 0
    for number in free:
        # No more than their share by number either: beside one novel all of the poems would go.
        if have >= wanted or len(chosen) >= most:
            break
        if have + sizes[number] <= _OVERSHOOT * wanted:
            chosen.append(int(number))
            have += int(sizes[number])
    if not chosen and wanted > 0 and len(free) > 1:
        chosen.append(int(free[np.argmin(sizes[free])]))
    return chosen
