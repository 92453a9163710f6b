"""Lines, boxes and words on a sheet, as SVG for a page and as pixels for a PNG."""

import dataclasses
import html
from typing import TYPE_CHECKING

from tf_gpt2.fonts import font_for

if TYPE_CHECKING:
    from PIL import Image

# Ink by name: a class in SVG, whose page gives it colours for light and dark, and a colour in a PNG.
INKS = {
    **{"ink": "#23201c", "faded": "#6a6258", "line": "#d8cfbf", "mark": "#9c2f24"},
    **{"blue": "#2b5d8a", "green": "#3c7a3a", "gold": "#94690c", "violet": "#6f4a8e"},
}
PAPER = "#fffefa"
_FINER = 2  # pixels of a PNG for each unit
_LETTER = 13  # height of letters


@dataclasses.dataclass(frozen=True)
class Line:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    ink: str
    width: float = 1


@dataclasses.dataclass(frozen=True)
class Box:
    """A filled box: its corner of least x and y, and its size."""

    x: float
    y: float
    width: float
    height: float
    ink: str


@dataclasses.dataclass(frozen=True)
class Words:
    """Words at a place: `anchor` "start", "middle" or "end" of their line is there."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    ink: str = "faded"


class Canvas:
    """A sheet.

    Args:
        width: In units, which are pixels of a page.
        height: The same.
    """

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self._shapes: list[Line | Box | Words] = []

    def add(self, *shapes: Line | Box | Words) -> None:
        """Draws over what is there."""
        self._shapes += shapes

    def svg(self, label: str) -> str:
        """The sheet as an SVG element, with what it shows in words for those who do not see it."""
        parts = "".join(map(_element, self._shapes))
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" role="img" '
            f'aria-label="{html.escape(label)}">{parts}</svg>'
        )

    def image(self) -> "Image.Image":
        """The sheet as pixels, two for each unit."""
        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", (self.width * _FINER, self.height * _FINER), PAPER)
        draw, usual = ImageDraw.Draw(image), ImageFont.load_default(_LETTER * _FINER)
        for shape in self._shapes:
            ink = INKS[shape.ink]
            if isinstance(shape, Line):
                places = [(x * _FINER, y * _FINER) for x, y in shape.points]
                draw.line(places, fill=ink, width=max(1, round(shape.width * _FINER)), joint="curve")
            elif isinstance(shape, Box):
                x, y = shape.x * _FINER, shape.y * _FINER
                draw.rectangle((x, y, x + shape.width * _FINER, y + shape.height * _FINER), fill=ink)
            else:
                anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
                font = usual if shape.text.isascii() else font_for(shape.text, _LETTER * _FINER)
                # Without a font for a title its number, which comes first, stands alone.
                text = shape.text if font else shape.text.split(" ")[0]
                place = (shape.x * _FINER, shape.y * _FINER)
                draw.text(place, text, fill=ink, font=font or usual, anchor=anchor)
        return image


def _element(shape: Line | Box | Words) -> str:
    if isinstance(shape, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        return f'<polyline class="stroke {shape.ink}" stroke-width="{shape.width:g}" points="{points}"/>'
    if isinstance(shape, Box):
        return (
            f'<rect class="fill {shape.ink}" x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" '
            f'height="{shape.height:.1f}"/>'
        )
    return (
        f'<text class="fill {shape.ink}" x="{shape.x:.1f}" y="{shape.y:.1f}" '
        f'text-anchor="{shape.anchor}">{html.escape(shape.text)}</text>'
    )
