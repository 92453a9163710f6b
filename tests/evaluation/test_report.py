"""The pictures of an evaluation: what stands where, in a page that needs nothing else and in a PNG."""

import html.parser
import re

import numpy as np
import pytest
from PIL import Image

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.canvas import Box, Line
from tf_gpt2.evaluation.charts import book_chart, calibration_chart, position_chart
from tf_gpt2.evaluation.figures import CONVENTIONS, calibration, figures_of, loss_by_position
from tf_gpt2.evaluation.report import write_report


def boxes(canvas):
    return [shape for shape in canvas._shapes if isinstance(shape, Box)]


@pytest.fixture
def figures():
    confidence = np.array([0.05, 0.15, 0.35, 0.35, 0.95])
    texts = ["却说曹操", "<b>"]
    return {
        "books": 2,
        "context_length": 16,
        "stride": 8,
        **figures_of(9.0, 5, texts),
        "calibration": calibration(confidence, np.array([0, 1, 0, 1, 1], bool)),
        "loss_by_position": loss_by_position(np.array([4.0, 2, 1, 1, 1]), np.array([0, 1, 2, 3, 4])),
        "by_book": [
            {"book": title, **figures_of(nats, 2, [text])}
            for title, nats, text in zip(["三国演义", "<script>&"], [6.0, 3.0], texts, strict=True)
        ],
        "conventions": CONVENTIONS,
    }


def test_what_is_right_lies_on_the_diagonal():
    rows = [{"probability": p, "came": p, "tokens": 1} for p in (0.0, 0.3, 1.0)]
    chart = calibration_chart({"bins": rows})
    (diagonal,) = [shape for shape in chart._shapes if isinstance(shape, Line) and shape.ink == "faded"]
    (x0, y0), (x1, y1) = diagonal.points
    for box in boxes(chart):
        x, y = box.x + box.width / 2, box.y + box.height / 2
        assert (y - y0) * (x1 - x0) == pytest.approx((x - x0) * (y1 - y0))
    sure = calibration_chart({"bins": [{"probability": 0.9, "came": 0.1, "tokens": 1}]})
    assert boxes(sure)[0].y > boxes(chart)[1].y  # below the diagonal, lower than 30 %


def test_bars_are_as_long_as_the_losses(figures):
    heights = [box.height for box in boxes(position_chart(figures["loss_by_position"]))]
    assert heights == pytest.approx([300, 150, 75, 75])
    widths = [box.width for box in boxes(book_chart(figures["by_book"]))]
    assert widths[0] / widths[1] == pytest.approx((6 / 4) / (3 / 3))


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_needs_nothing_else_and_takes_titles_as_text(figures, tmp_path):
    write_report(tmp_path / "report.html", figures, "runs/<i>mine")
    text = (tmp_path / "report.html").read_text("utf-8")
    page = Page(text)
    names = [tag for tag, _ in page.tags]
    assert names.count("svg") == 3 and "script" not in names and "i" not in names
    assert not [attrs for _, attrs in page.tags if {"src", "href"} & set(attrs)] and "http:" not in text
    assert {"1 三国演义", "2 <script>&"} <= set(page.words)
    assert all(attrs["aria-label"] for tag, attrs in page.tags if tag == "svg")
    assert re.search(r"calibration error, is [\d.]+ %", text)


def test_a_png_has_the_three_pictures(figures, tmp_path):
    write_report(tmp_path / "report.png", figures, "runs/mine")
    with Image.open(tmp_path / "report.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    mark = (pixels == (0x9C, 0x2F, 0x24)).all(axis=2)
    third = len(mark) // 3
    assert all(mark[place * third : (place + 1) * third].any() for place in range(3))


def test_a_title_that_no_font_has_leaves_its_number(figures, tmp_path, monkeypatch):
    from tf_gpt2.evaluation import canvas

    def ink():
        drawn = np.asarray(book_chart(figures["by_book"]).image())
        return int((drawn[:, : 2 * 180] != np.array([0xFF, 0xFE, 0xFA])).any(axis=2).sum())

    monkeypatch.setattr(canvas, "font_for", lambda text, size: None)
    without = ink()
    figures["by_book"][0]["book"] = ""
    assert without == ink() > 0


def test_another_ending_is_refused(figures, tmp_path):
    with pytest.raises(UserError, match=r"`report` must end in \.html or \.png"):
        write_report(tmp_path / "report.pdf", figures, "x")
    assert not list(tmp_path.iterdir())
