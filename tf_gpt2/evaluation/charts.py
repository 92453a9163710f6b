"""Pictures of an evaluation: calibration, loss by position in the window, loss by book."""

from collections.abc import Mapping, Sequence
from typing import Any

from tf_gpt2.evaluation.canvas import Box, Canvas, Line, Words

_SIDE, _LEFT, _TOP, _BELOW = 300, 60, 16, 44
_WIDE, _ROW, _NAMES = 560, 24, 190
_LONGEST_NAME = 14
SHOWN_BOOKS = 40


def calibration_chart(calibration: Mapping[str, Any]) -> Canvas:
    """How often the likeliest token came against its probability: on the diagonal 30 % means 30 %.

    Args:
        calibration: As `figures.calibration` gives it.
    """
    canvas = Canvas(_LEFT + _SIDE + 24, _TOP + _SIDE + _BELOW)

    def place(x, y):
        return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE

    for tenth in range(0, 11, 2):
        share = tenth / 10
        canvas.add(
            Line((place(share, 0), place(share, 1)), "line"), Line((place(0, share), place(1, share)), "line")
        )
        canvas.add(Words(place(share, 0)[0], _TOP + _SIDE + 18, f"{tenth * 10} %", "middle"))
        canvas.add(Words(_LEFT - 8, place(0, share)[1] + 4, f"{tenth * 10} %", "end"))
    canvas.add(Line((place(0, 0), place(1, 1)), "faded", 1.5))
    points = [place(row["probability"], row["came"]) for row in calibration["bins"]]
    canvas.add(Line(tuple(points), "mark", 2.5), *(Box(x - 4, y - 4, 8, 8, "mark") for x, y in points))
    canvas.add(Words(_LEFT + _SIDE / 2, _TOP + _SIDE + 38, "across: probability; up: how often it came", "middle"))
    return canvas


def position_chart(rows: Sequence[Mapping[str, Any]]) -> Canvas:
    """Loss by how many tokens the model saw before, in spans that double.

    Args:
        rows: As `figures.loss_by_position` gives them.
    """
    canvas = Canvas(_LEFT + _WIDE + 24, _TOP + _SIDE + _BELOW)
    highest = max(row["nats_per_token"] for row in rows) or 1.0
    step = _WIDE / len(rows)
    for tick in range(5):
        y = _TOP + _SIDE * (1 - tick / 4)
        canvas.add(Line(((_LEFT, y), (_LEFT + _WIDE, y)), "line"))
        canvas.add(Words(_LEFT - 8, y + 4, f"{highest * tick / 4:.2f}", "end"))
    for number, row in enumerate(rows):
        x, height = _LEFT + number * step, _SIDE * row["nats_per_token"] / highest
        canvas.add(Box(x + 4, _TOP + _SIDE - height, step - 8, height, "mark"))
        canvas.add(Words(x + step / 2, _TOP + _SIDE + 18, _span(row), "middle"))
    canvas.add(
        Words(_LEFT + _WIDE / 2, _TOP + _SIDE + 38, "across: tokens seen before; up: nats a token", "middle")
    )
    return canvas


def book_chart(books: Sequence[Mapping[str, Any]]) -> Canvas:
    """Loss of each book, in nats a character, in their order; of many the first.

    Args:
        books: Figures by book, as `evaluate` gives them.
    """
    shown = books[:SHOWN_BOOKS]
    canvas = Canvas(_NAMES + 400 + 70, _TOP + _ROW * len(shown) + 12)
    highest = max(book["nats_per_character"] for book in shown) or 1.0
    for number, book in enumerate(shown):
        y, loss = _TOP + number * _ROW, book["nats_per_character"]
        canvas.add(Box(_NAMES, y, max(1.0, 400 * loss / highest), _ROW - 7, "mark"))
        canvas.add(Words(_NAMES - 8, y + 13, _short(book["book"], number), "end", "ink"))
        canvas.add(Words(_NAMES + 400 * loss / highest + 6, y + 13, f"{loss:.3f}"))
    return canvas


def _span(row: Mapping[str, Any]) -> str:
    return str(row["from"]) if row["from"] == row["to"] else f"{row['from']}-{row['to']}"


def _short(title: str, number: int) -> str:
    name = title if len(title) <= _LONGEST_NAME else f"{title[: _LONGEST_NAME - 1]}…"
    return f"{number + 1} {name}"
