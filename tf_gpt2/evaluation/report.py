"""An evaluation as a file to look at: one HTML page that needs nothing else, or a PNG."""

import html
import io
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.canvas import PAPER, Canvas
from tf_gpt2.evaluation.charts import SHOWN_BOOKS, book_chart, calibration_chart, position_chart
from tf_gpt2.files import write_atomically

SUFFIXES = (".html", ".png")
_UNITS = ("token", "character", "byte", "word")
_MARGIN = 24
# Colours of the page, by INKS of canvas.py, in light and in dark.
_STYLE = """
:root { color-scheme: light dark;
  --paper: light-dark(#fbf8f1, #191715); --ink: light-dark(#23201c, #e9e3d8); --faded: light-dark(#6a6258, #a89f92);
  --line: light-dark(#e2dacb, #3a352f); --mark: light-dark(#9c2f24, #e58a78);
  --blue: light-dark(#2b5d8a, #7fb2e0); --green: light-dark(#3c7a3a, #8ecb8b);
  --gold: light-dark(#94690c, #dcb45c); --violet: light-dark(#6f4a8e, #c3a2e0); }
body { max-width: 46rem; margin: 0 auto; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { margin-top: 2rem; font-size: 1.1rem; }
svg { max-width: 100%; height: auto; font-size: 13px; } .stroke { fill: none; }
.faded.stroke { stroke: var(--faded); }
.line.stroke { stroke: var(--line); } .mark.stroke { stroke: var(--mark); } .mark.fill { fill: var(--mark); }
.blue.stroke { stroke: var(--blue); } .blue.fill { fill: var(--blue); }
.green.stroke { stroke: var(--green); } .green.fill { fill: var(--green); }
.gold.stroke { stroke: var(--gold); } .gold.fill { fill: var(--gold); }
.violet.stroke { stroke: var(--violet); } .violet.fill { fill: var(--violet); }
.faded.fill { fill: var(--faded); } .ink.fill { fill: var(--ink); }
div { overflow-x: auto; } table { border-collapse: collapse; } th, td { padding: 0.25rem 0.75rem; text-align: right;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; } th:first-child { text-align: left; }
"""


def check_report(path: str | os.PathLike, argument: str = "report") -> None:
    """Refuses a name that is no report's, before anything is computed; `argument` is what the caller calls it.

    Raises:
        UserError: It does not end in .html or .png.
    """
    if pathlib.Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(f"`{argument}` must end in {' or '.join(SUFFIXES)}; received {path}")


def write_report(path: str | os.PathLike, figures: Mapping[str, Any], name: str) -> None:
    """Writes the pictures of an evaluation.

    Args:
        path: File ending in .html, with a table and the conventions beside the pictures, or in .png.
        figures: What `evaluate_model` gives.
        name: What was evaluated.

    Raises:
        UserError: The name is no report's, or the file cannot be written.
    """
    check_report(path)
    charts = {
        "Does 30 % mean 30 %?": calibration_chart(figures["calibration"]),
        "Loss by position": position_chart(figures["loss_by_position"]),
        "Loss by book": book_chart(figures["by_book"]),
    }
    if pathlib.Path(path).suffix.lower() == ".png":
        write_atomically(path, png(list(charts.values())))
    else:
        write_atomically(path, _page(charts, figures, name).encode("utf-8", "replace"))


def png(charts: list[Canvas]) -> bytes:
    """The pictures one under the other, as a PNG."""
    from PIL import Image

    images = [chart.image() for chart in charts]
    width = max(image.width for image in images) + 2 * _MARGIN
    sheet = Image.new("RGB", (width, sum(image.height + _MARGIN for image in images) + _MARGIN), PAPER)
    top = _MARGIN
    for image in images:
        sheet.paste(image, (_MARGIN, top))
        top += image.height + _MARGIN
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _page(charts: Mapping[str, Canvas], figures: Mapping[str, Any], name: str) -> str:
    error = figures["calibration"]["expected_calibration_error"]
    said = {
        "Does 30 % mean 30 %?": "The likeliest token's probability, and how often it came. The mean distance from "
        f"the diagonal, the expected calibration error, is {100 * error:.1f} %.",
        "Loss by position": "Mean loss by how many tokens of its window the model saw before.",
        "Loss by book": f"Nats a character{_first(figures['by_book'])}.",
    }
    parts = [
        f"<h2>{html.escape(title)}</h2><p>{html.escape(said[title])}</p>{chart.svg(f'{title} {said[title]}')}"
        for title, chart in charts.items()
    ]
    title = f"{name}: how well it predicts {figures['books']} text(s)"
    conventions = "".join(
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(str(value))}</dd>"
        for key, value in figures["conventions"].items()
    )
    return page(
        title,
        f"{_table(figures)}{''.join(parts)}"
        f"<h2>Conventions</h2><p>Windows of {figures['context_length']} tokens, one every {figures['stride']}.</p>"
        f"<dl>{conventions}</dl>",
    )


def page(title: str, content: str) -> str:
    """An HTML page that needs nothing else; `title` is plain text, `content` HTML."""
    title = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"/>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"/><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>\n"
    )


def _first(books) -> str:
    return f", the first {SHOWN_BOOKS} of {len(books)}" if len(books) > SHOWN_BOOKS else ""


def _table(figures: Mapping[str, Any]) -> str:
    units = [unit for unit in _UNITS if f"nats_per_{unit}" in figures]
    head = "".join(f'<th scope="col">per {unit}</th>' for unit in units)
    rows = "".join(
        f'<tr><th scope="row">{measure}</th>'
        + "".join(f"<td>{figures[f'{measure}_per_{unit}']:,.4g}</td>" for unit in units)
        + "</tr>"
        for measure in ("nats", "bits", "perplexity")
    )
    counts = "".join(f"<td>{figures[f'{unit}s']:,}</td>" for unit in units)
    return (
        '<div tabindex="0" role="region" aria-label="Figures"><table>'
        f'<thead><tr><th scope="col">loss</th>{head}</tr></thead>'
        f'<tbody>{rows}<tr><th scope="row">number</th>{counts}</tr></tbody></table></div>'
    )
