"""Which part of a corpus is trained on, which decides, and which no decision reads.

Many texts are held out whole, for a text ends once and a cut through it would teach the model to end anywhere, and
measure it on fragments. Fewer, longer books each give their tail. What decides is the text itself, not its place in
the corpus: equal texts come to the same side, and so does a text when others join the corpus.
"""

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

from tf_gpt2.errors import UserError

SPLITS = ("train", "validation", "test")
# From so many texts on they are held out whole.
WHOLE_TEXTS_FROM = 100
# A smaller corpus needs all of its text; its test span would say little anyway.
TEST_FROM_CHARACTERS = 100_000
TEST_FRACTION = 0.02
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
        return hashlib.blake2b(text, digest_size=16, salt=(self.seed % 2**64).to_bytes(8, "little")).digest()

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


def hold_out(lengths: Sequence[int], digests: Sequence[bytes], shares: Shares) -> list[Cuts]:
    """Divides a corpus.

    Args:
        lengths: Characters of each text.
        digests: `Shares.digest` of each text.
        shares: How much to hold out.

    Returns:
        Where each text is divided.
    """
    validation, test = shares.of(sum(lengths))
    if len(lengths) >= WHOLE_TEXTS_FROM:
        return _whole_texts(lengths, digests, validation, test)
    return [_tails(length, validation, test) for length in lengths]


def _tails(length, validation, test):
    validation_end = length - round(length * test)
    return Cuts(min(validation_end, max(0, length - round(length * (validation + test)))), validation_end, length)


def _whole_texts(lengths, digests, validation, test):
    texts_of: dict[bytes, list[int]] = {}
    for number, digest in enumerate(digests):
        texts_of.setdefault(digest, []).append(number)
    groups = [texts_of[digest] for digest in sorted(texts_of)]
    sizes = [sum(lengths[number] for number in group) for group in groups]
    tested = _chosen(sizes, test, set())
    validated = _chosen(sizes, validation, tested)
    cuts = [Cuts(length, length, length) for length in lengths]
    for chosen, (train_end, validated_part) in ((tested, (0, 0)), (validated, (0, 1))):
        for group in chosen:
            for number in groups[group]:
                cuts[number] = Cuts(train_end, lengths[number] * validated_part, lengths[number])
    return cuts


def _chosen(sizes: list[int], share: float, taken: set[int]) -> set[int]:
    """Groups in order until they have a share of the characters; one that is far too long is passed over."""
    free = [number for number in range(len(sizes)) if number not in taken]
    wanted, most = share * sum(sizes), max(1, math.ceil(_OVERSHOOT * share * len(sizes)))
    chosen: set[int] = set()
    have = 0
    for number in free:
        # No more than their share by number either: beside one novel all of the poems would go.
        if have < wanted and len(chosen) < most and have + sizes[number] <= _OVERSHOOT * wanted:
            chosen.add(number)
            have += sizes[number]
    if not chosen and wanted > 0 and len(free) > 1:
        chosen.add(min(free, key=lambda number: sizes[number]))
    return chosen
