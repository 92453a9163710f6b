"""Originality over a training: what the model copied at each validation, and where it began."""

from collections.abc import Sequence
from typing import Any

from tf_gpt2.evaluation.canvas import Box, Canvas, Line, Words
from tf_gpt2.run_directory import VALIDATION, Metrics

_WIDE, _HIGH, _LEFT, _TOP, _BELOW = 560, 180, 60, 16, 44
_TICKS = 4
BEGINNING = 0.01


def copied_over_time(metrics: Metrics) -> list[dict[str, Any]]:
    """Step, loss and what was copied at each validation that was measured for it."""
    extra = [(line, line.model_extra or {}) for line in metrics.lines if line.split == VALIDATION]
    names = ("copied_share", "longest_copied_run", "distinct_4")
    return [
        {"step": line.step, "loss": line.loss, **{name: more.get(name) for name in names}}
        for line, more in extra
        if "copied_share" in more
    ]


def began_at(rows: Sequence[dict[str, Any]]) -> int | None:
    """The first step from which on more than a hundredth is copied at every validation; None where none is."""
    begin = None
    for row in rows:
        above = row["copied_share"] > BEGINNING
        begin = (begin or row["step"]) if above else None
    return begin


def copied_chart(rows: Sequence[dict[str, Any]]) -> Canvas:
    """Copied share by step."""
    canvas = Canvas(_LEFT + _WIDE + 40, _TOP + _HIGH + _BELOW)
    last = max(row["step"] for row in rows)
    high = max(0.04, *(row["copied_share"] for row in rows))

    def place(step: float, share: float) -> tuple[float, float]:
        return _LEFT + _WIDE * step / last, _TOP + _HIGH * (1 - share / high)

    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        y, x = place(0, high * share)[1], place(last * share, 0)[0]
        canvas.add(Line(((_LEFT, y), (_LEFT + _WIDE, y)), "line"))
        canvas.add(Words(_LEFT - 8, y + 4, f"{100 * high * share:.1f} %", "end"))
        canvas.add(Words(x, _TOP + _HIGH + 18, f"{round(last * share):,}", "middle"))
    points = tuple(place(row["step"], row["copied_share"]) for row in rows)
    canvas.add(*([Line(points, "mark", 2.5)] if len(points) > 1 else []))
    canvas.add(*(Box(x - 3, y - 3, 6, 6, "mark") for x, y in points))
    said = "across: steps; up: share of what is written that is copied"
    canvas.add(Words(_LEFT + _WIDE / 2, _TOP + _HIGH + 38, said, "middle"))
    return canvas
