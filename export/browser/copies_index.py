"""A full-text index of the training text, small enough to ship: an FM-index over its characters.

The texts, a zero after each, are one string; its rows are what begins at each of its characters, in the order
of code points. Of every row the character before it is kept (Burrows and Wheeler 1994), in bits that can be
counted: a wavelet matrix (Claude and Navarro 2012, "The wavelet matrix"). A run is found from its last
character to its first, with two counts a character (Ferragina and Manzini 2000, "Opportunistic data structures
with applications"). Where a row stands in the texts is kept for every 32nd character, the first of each text
and the zero after it. web/src/runtime/originality/fm_index.js reads it.

Shapes: R characters of all texts, zeros included; S different ones; N places that are kept.
"""

from typing import NamedTuple

import numpy as np

from tf_gpt2.evaluation.originality import CorpusIndex

RATE = 32  # a place is kept for every so many characters
_WORD_BITS = 32


class FullTextIndex(NamedTuple):
    """What the file holds beside the titles.

    Attributes:
        starts: First character of each text, and the end of the last: int32 [texts + 1].
        symbols: The code points, by falling frequency: uint32 [S].
        counts: How often each stands there: uint32 [S].
        samples: Of each row that is marked, which of the kept places it is, counted in order: uint32 [N].
        marks: A bit for each row: uint32 [words].
        levels: Bits of the wavelet matrix, of the highest bit of a symbol's number first: uint32 [levels, words].
    """

    starts: np.ndarray
    symbols: np.ndarray
    counts: np.ndarray
    samples: np.ndarray
    marks: np.ndarray
    levels: np.ndarray


def full_text_index(corpus: CorpusIndex) -> FullTextIndex:
    """Makes the index from the suffix array of a corpus.

    Memory: some eight bytes a byte of text for a moment.
    """
    data = np.frombuffer(corpus.index.bytes_at(0, corpus.index.num_bytes), np.uint8)
    codes = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), "<u4")
    # Bytes to characters; what ends the last text is one more.
    character = np.append(np.cumsum((data & 0xC0) != 0x80, dtype=np.int32) - 1, np.int32(len(codes)))
    starts = character[corpus.starts]
    rows = _rows(character[corpus.index.suffixes], starts)
    kept = np.zeros(len(codes), bool)
    kept[::RATE] = kept[starts[:-1]] = kept[starts[1:] - 1] = True
    marked = kept[rows]
    numbers = np.cumsum(kept, dtype=np.int32) - 1
    symbols, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.zeros(int(symbols[-1]) + 1, np.int32)
    rank[symbols[order]] = np.arange(len(symbols))
    before = rank[codes[rows - 1]]
    return FullTextIndex(
        starts=starts,
        symbols=symbols[order].astype("<u4"),
        counts=counts[order].astype("<u4"),
        samples=numbers[rows[marked]].astype("<u4"),
        marks=_packed(marked),
        levels=_wavelet_matrix(before, max(1, int(len(symbols) - 1).bit_length())),
    )


def _rows(suffixes, starts) -> np.ndarray:
    """All characters by what begins there, zeros too, which come first: int32 [R].

    Zeros come in the order of what follows them: nothing after the last, else the first character of a text.
    """
    zeros = starts[1:] - 1
    number = np.empty(int(starts[-1]) + 1, np.int32)
    number[suffixes] = np.arange(len(suffixes), dtype=np.int32)
    number[starts[-1]] = -1
    return np.concatenate([zeros[np.argsort(number[starts[1:]], kind="stable")], suffixes])


def _wavelet_matrix(numbers, levels) -> np.ndarray:
    """Bits of the numbers [R], level by level; before each level those with a 0 in the one above come first."""
    found = []
    for level in reversed(range(levels)):
        bits = (numbers >> level) & 1 == 1
        found.append(_packed(bits))
        numbers = np.concatenate([numbers[~bits], numbers[bits]])
    return np.stack(found)


def _packed(bits) -> np.ndarray:
    """Bits [R] in words, the lowest first."""
    words = -(-len(bits) // _WORD_BITS)
    packed = np.zeros(4 * words, np.uint8)
    packed[: -(-len(bits) // 8)] = np.packbits(bits, bitorder="little")
    return packed.view("<u4")
