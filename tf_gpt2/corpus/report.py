"""The corpus report shown before training."""

import dataclasses
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from tf_gpt2.corpus.counting import CODE_POINTS

RARE_BELOW = 3
_SHOWN_BOOKS = 12


@dataclasses.dataclass(frozen=True)
class BookReport:
    """Figures of one document.

    Attributes:
        title: Its title.
        characters: Length after cleaning.
        train_tokens: Tokens for training, the end-of-text token before the document included.
        validation_tokens: Tokens of what is held out of it for validation, counted likewise.
        test_tokens: Tokens of what is held out for the test, likewise.
    """

    title: str
    characters: int
    train_tokens: int
    validation_tokens: int
    test_tokens: int = 0


@dataclasses.dataclass(frozen=True)
class CorpusReport:
    """What a corpus holds and how the tokenizer covers it.

    Attributes:
        books: One entry a document, in order.
        characters: Characters after cleaning, held-out spans included.
        validation_characters: Characters held out for validation.
        test_characters: Characters held out for the test.
        distinct_characters: Different characters in the corpus.
        rare_characters: How many of these occur fewer than `RARE_BELOW` times.
        uncovered_characters: How many of these have no token of their own and are spelled in bytes
            (or unknown).
        vocabulary_share: Share of the corpus's characters that have a token of their own, 0 to 1.
        vocabulary_size: Number of token ids.
        tokenizer_kind: "characters", "bpe" or "other".
        train_tokens: Tokens for training.
        validation_tokens: Tokens for validation.
        test_tokens: Tokens for the test.
        marked_lines: Lines that hold the mark of a text's beginning or end, <|endoftext|> say, as letters.
    """

    books: Sequence[BookReport]
    characters: int
    validation_characters: int
    test_characters: int
    distinct_characters: int
    rare_characters: int
    uncovered_characters: int
    vocabulary_share: float
    vocabulary_size: int
    tokenizer_kind: str
    train_tokens: int
    validation_tokens: int
    test_tokens: int
    marked_lines: int = 0


def character_figures(counts: np.ndarray, has_token: Callable[[Sequence[str]], np.ndarray]) -> dict:
    """The figures of a report that depend on character counts alone.

    Args:
        counts: Occurrences of every code point, int64 [0x110000].
        has_token: Tells for distinct characters whether each has a token of its own, bool [n].
    """
    if counts.shape != (CODE_POINTS,):
        raise ValueError(f"counts must have shape ({CODE_POINTS},), got {counts.shape}")
    present = np.flatnonzero(counts)
    covered = has_token([chr(c) for c in present.tolist()])
    return {
        "characters": int(counts.sum()),
        "distinct_characters": len(present),
        "rare_characters": int(np.count_nonzero(counts[present] < RARE_BELOW)),
        "uncovered_characters": int(np.count_nonzero(~covered)),
        "vocabulary_share": float(counts[present[covered]].sum() / max(1, counts.sum())),
    }


def format_report(report: CorpusReport) -> str:
    """The report as an aligned table for a terminal, several lines."""
    rows: list[tuple[str, ...]] = [("book", "characters", "training tokens", "validation tokens", "test tokens")]
    rows += [_row(book) for book in _shown(report.books)]
    if (left_out := len(report.books) + 1 - len(rows)) > 0:
        rows.insert(1 + _SHOWN_BOOKS // 2, (f"… {left_out:,} more", *[""] * 4))
    count = len(report.books)
    total = (
        f"{count:,} book" + "s" * (count != 1),
        report.characters,
        report.train_tokens,
        report.validation_tokens,
        report.test_tokens,
    )
    rows.append((total[0], *(f"{figure:,}" for figure in total[1:])))
    return "\n".join([*_align(rows), *_sentences(report)])


def _row(book: BookReport) -> tuple[str, ...]:
    figures = (book.characters, book.train_tokens, book.validation_tokens, book.test_tokens)
    return (_shorten(book.title, 32), *(f"{figure:,}" for figure in figures))


def _shown(books: Sequence[BookReport]) -> Sequence[BookReport]:
    half = _SHOWN_BOOKS // 2
    return books if len(books) <= _SHOWN_BOOKS else [*books[:half], *books[-half:]]


def _sentences(report: CorpusReport):
    uncovered = report.characters * (1 - report.vocabulary_share)
    if report.tokenizer_kind == "other":
        otherwise = "unknown to it or in parts"
    else:
        otherwise = "spelled in parts" if report.tokenizer_kind == "bpe" else "spelled in bytes"
    yield (
        f"{report.distinct_characters:,} distinct characters, {report.rare_characters:,} of them "
        f"rare (seen fewer than {RARE_BELOW} times)"
    )
    yield (
        f"vocabulary of {report.vocabulary_size:,} ({report.tokenizer_kind}) covers "
        f"{_percent(report)} of the characters; {report.uncovered_characters:,} distinct ones "
        f"({uncovered:,.0f} occurrences) are {otherwise}"
    )
    if report.marked_lines:
        yield (
            f"note: {report.marked_lines:,} line{'s' * (report.marked_lines != 1)} with <|endoftext|> or "
            "<|startoftext|> would be learned as letters; --separator='<|endoftext|>' makes them borders of texts"
        )


def _percent(report: CorpusReport) -> str:
    # Rounded down, so that 100 % means all.
    return f"{int(report.vocabulary_share * 1e4) / 100:.2f} %"


def _align(rows: Sequence[tuple[str, ...]]):
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            _pad(cell, width, left=not column) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _pad(cell: str, width: int, *, left: bool) -> str:
    spaces = " " * (width - _width(cell))
    return cell + spaces if left else spaces + cell


def _shorten(text: str, width: int) -> str:
    """Cuts to `width` columns; control characters of a file name must not reach the terminal."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    if len(text) <= 4 * width and _width(text) <= width:
        return text
    text = text[: 4 * width]
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
