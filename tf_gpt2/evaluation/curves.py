"""The losses of trainings as curves: of one run in its directory, of several beside each other."""

import html
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from tf_gpt2.evaluation.canvas import Box, Canvas, Line, Words
from tf_gpt2.evaluation.report import check_report, page, png
from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import (
    CURVE_PAGE,
    CURVE_PICTURE,
    ROLLBACK,
    TEST,
    TRAIN,
    VALIDATION,
    Metrics,
    read_metrics,
)

_WIDE, _HIGH, _LEFT, _TOP, _BELOW, _NAMES = 560, 300, 60, 16, 44, 150
_TICKS, _MOST_POINTS, _ROW = 4, 400, 18
# The first steps fall from so high that the rest would be a flat line; what is above is drawn at the edge.
_SHARE_OF_THE_FALL = 0.02
_INKS = ("mark", "blue", "green", "gold", "violet")

Points = Sequence[tuple[float, float]]  # step and loss


def write_curves(run_dir: str | os.PathLike) -> None:
    """Draws the losses of a run into its directory, as a page that needs nothing else and as a PNG.

    Raises:
        UserError: They cannot be written.
    """
    folder = pathlib.Path(run_dir)
    metrics = read_metrics(folder)
    chart = loss_chart({folder.resolve().name: metrics})
    write_atomically(folder / CURVE_PICTURE, png([chart]))
    text = page(f"{folder.resolve().name}: loss", f"{_shown(chart, metrics.lines)}{_facts(metrics)}")
    write_atomically(folder / CURVE_PAGE, text.encode("utf-8", "replace"))


def write_comparison(path: str | os.PathLike, runs: Mapping[str, Metrics]) -> None:
    """Draws the curves of runs, by name, into one file ending in .html or .png.

    Raises:
        UserError: The name is no picture's, or the file cannot be written.
    """
    check_report(path, "output")
    chart = loss_chart(runs)
    if pathlib.Path(path).suffix.lower() == ".png":
        write_atomically(path, png([chart]))
        return
    lines = [line for metrics in runs.values() for line in metrics.lines]
    text = page(f"The losses of {len(runs)} runs", _shown(chart, lines))
    write_atomically(path, text.encode("utf-8", "replace"))


def loss_chart(runs: Mapping[str, Metrics]) -> Canvas:
    """Losses by step: of each run thin the training's, thick the validation's with its name at the end.

    Args:
        runs: Figures by the run's name.
    """
    curves = {
        name: tuple(_points(metrics.lines, split) for split in (TRAIN, VALIDATION))
        for name, metrics in runs.items()
    }
    canvas = Canvas(_LEFT + _WIDE + _NAMES, _TOP + _HIGH + _BELOW)
    every = [point for pair in curves.values() for points in pair for point in points]
    if not every:
        canvas.add(Words(_LEFT + _WIDE / 2, _TOP + _HIGH / 2, "no losses yet", "middle"))
        return canvas
    last = max(step for step, _ in every)
    settled = [loss for step, loss in every if step >= _SHARE_OF_THE_FALL * last]
    low, high = min(settled), max(settled)
    high = high if high > low else low + 1.0

    def place(step: float, loss: float) -> tuple[float, float]:
        up = min(1.0, max(0.0, (loss - low) / (high - low)))
        return _LEFT + _WIDE * step / last, _TOP + _HIGH * (1 - up)

    _add_grid(canvas, last, low, high)
    taken: list[float] = []
    for number, (name, (training, validation)) in enumerate(curves.items()):
        ink = _INKS[number % len(_INKS)]
        way, corners = (tuple(place(*point) for point in points) for points in (training, validation))
        lines = (Line(way, "faded" if len(curves) == 1 else ink, 1), Line(corners, ink, 2.5))
        canvas.add(*(line for line in lines if len(line.points) > 1))
        canvas.add(*(Box(x - 3, y - 3, 6, 6, ink) for x, y in corners))
        end = place(*(validation or training or ((0, high),))[-1])
        label = name if len(curves) > 1 else "validation" if validation else "training"
        y = _free_height(end[1] + 4, taken)
        canvas.add(Words(min(end[0], _LEFT + _WIDE) + 8, y, _short(label), "start", ink))
    return canvas


def _points(lines: Iterable, split: str) -> Points:
    """Losses of a split by step; of many the means of neighbours."""
    points = sorted((line.step, line.loss) for line in lines if line.split == split)
    size = -(-len(points) // _MOST_POINTS) or 1
    return [_mean(points[first : first + size]) for first in range(0, len(points), size)]


def _mean(points: Points) -> tuple[float, float]:
    return points[-1][0], sum(loss for _, loss in points) / len(points)


def _add_grid(canvas: Canvas, last: float, low: float, high: float) -> None:
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        y, x = _TOP + _HIGH * (1 - share), _LEFT + _WIDE * share
        canvas.add(Line(((_LEFT, y), (_LEFT + _WIDE, y)), "line"))
        canvas.add(Words(_LEFT - 8, y + 4, f"{low + (high - low) * share:.2f}", "end"))
        canvas.add(Words(x, _TOP + _HIGH + 18, f"{round(last * share):,}", "middle"))
    canvas.add(Words(_LEFT + _WIDE / 2, _TOP + _HIGH + 38, "across: steps; up: nats a token", "middle"))


def _free_height(wanted: float, taken: list[float]) -> float:
    """Moves a name down to where none is yet."""
    while any(abs(wanted - other) < _ROW for other in taken):
        wanted += _ROW
    taken.append(wanted)
    return wanted


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def _shown(chart: Canvas, lines: Iterable) -> str:
    said = "Thin: the loss of training, a mean since the line before. Thick: on held-out text."
    turns = [line for line in lines if line.split == ROLLBACK]
    gone_back = "".join(
        f"<p>At step {line.step - 1:,} the run went back from a loss that rose or was not finite, and left that "
        "text out.</p>"
        for line in turns
    )
    return f"<p>{html.escape(said)}</p>{chart.svg(f'Losses by step. {said}')}{gone_back}"


def _facts(metrics: Metrics) -> str:
    facts = {}
    if metrics.best_validation_loss is not None:
        facts["best validation loss"] = (
            f"{metrics.best_validation_loss:.4f} at step {metrics.best_step:,}"
            f"{', the average of the weights' if metrics.best_is_average else ''}"
        )
    for line in metrics.lines:
        if line.split == TEST:
            facts["test loss"] = f"{line.loss:.4f}"
    return (
        "<dl>" + "".join(f"<dt>{name}</dt><dd>{html.escape(what)}</dd>" for name, what in facts.items()) + "</dl>"
    )
