"""The pictures of a site: icons for a home screen, and the preview that a link shows where it is pasted.

Drawn with Pillow, which TensorBoard brings. Letters come from a font of this machine, because one with Chinese
characters would be larger than the page; where none has the characters, the picture does without them.
"""

import logging
import pathlib
from collections.abc import Iterator

from PIL import Image, ImageDraw

from tf_gpt2.fonts import font_for

_LOG = logging.getLogger("tf_gpt2.export")

ICON_SIZES = (192, 512)
PREVIEW_SIZE = (1200, 630)  # what Open Graph's readers show whole
PAPER, INK, FADED, SEAL = "#fbf8f1", "#23201c", "#6a6258", "#9c2f24"
MARGIN = 80
# Drawn so many times as large and shrunk, which makes edges smooth.
_FINER = 4
# The strokes of web/src/icon.svg, in its 64 units: a start, then Bezier curves of three points each.
_STROKES = (
    ((18, 46), ((20, 34), (28, 22), (44, 16)), ((42, 30), (34, 40), (22, 42))),
    ((18, 46), ((22, 38), (28, 32), (35, 27))),
)


def write_icons(folder: pathlib.Path) -> None:
    """Writes `icon-SIZE.png`, and `icon-mask.png`, which a system may cut to a shape of its own."""
    for size in ICON_SIZES:
        _icon(size, corner=12 / 64).save(folder / f"icon-{size}.png", optimize=True)
    _icon(ICON_SIZES[-1], corner=0).save(folder / "icon-mask.png", optimize=True)


def write_preview(path: pathlib.Path, name: str, line: str) -> None:
    """Draws a model's name and a line that it wrote.

    Args:
        path: PNG to write, 1200 x 630.
        name: Heading of the page.
        line: Text; what does not fit is left out. May be empty.
    """
    image = Image.new("RGB", PREVIEW_SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    width = PREVIEW_SIZE[0] - 2 * MARGIN
    heading = font_for(name, 64)
    _paste(image, 96 if heading else 320, (MARGIN, MARGIN) if heading else None)
    if not heading:
        _LOG.warning(
            "no font of this machine has all characters of the name, so the preview of links shows the mark alone; "
            "install one (on Debian: apt install fonts-noto-cjk) and export again"
        )
    else:
        shown = next(_lines(name, heading, width - 128), "")
        draw.text((MARGIN + 128, MARGIN + 48), shown, fill=SEAL, font=heading, anchor="lm")
    prose = font_for(line, 44)
    if heading and line and prose:
        top, bottom = MARGIN + 170, PREVIEW_SIZE[1] - MARGIN
        for row, text in enumerate(_lines(line, prose, width)):
            if top + (row + 1) * 68 > bottom:
                break
            draw.text((MARGIN, top + row * 68), text, fill=INK, font=prose)
    draw.line((MARGIN, bottom := PREVIEW_SIZE[1] - 48, PREVIEW_SIZE[0] - MARGIN, bottom), fill=SEAL, width=4)
    image.save(path, optimize=True)


def _paste(image, size, place):
    """Puts the mark at a place; in the middle where none is named."""
    icon = _icon(size, corner=12 / 64)
    middle = ((image.width - size) // 2, (image.height - size) // 2)
    image.paste(icon, place or middle, icon)


def _icon(size, corner):
    scale = size * _FINER / 64
    image = Image.new("RGBA", (size * _FINER,) * 2, f"{SEAL}00")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, size * _FINER - 1, size * _FINER - 1), radius=corner * size * _FINER, fill=SEAL)
    width = 4 * scale
    # A shape cut out of the middle must have the whole mark.
    shrink = 1.0 if corner else 0.8
    for start, *curves in _STROKES:
        points = [start]
        for curve in curves:
            points += _bezier(points[-1], *curve)
        placed = [tuple((32 + (value - 32) * shrink) * scale for value in point) for point in points]
        draw.line(placed, fill=PAPER, width=round(width * shrink), joint="curve")
        for x, y in (placed[0], placed[-1]):
            radius = width * shrink / 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=PAPER)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _bezier(start, first, second, end, steps=24):
    for step in range(1, steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        points = (start, first, second, end)
        yield tuple(sum(w * point[axis] for w, point in zip(weights, points, strict=True)) for axis in (0, 1))


def _lines(text: str, font, width: int) -> Iterator[str]:
    """The text in lines of at most `width` pixels, broken at spaces where there are any near."""
    line = ""
    for character in text:
        if character == "\n" or font.getlength(line + character) > width:
            cut = line.rfind(" ") + 1
            keep = cut if character != " " and cut > len(line) // 2 else len(line)
            yield line[:keep].rstrip()
            line = line[keep:]
        if line or not character.isspace():
            line += character
    if line:
        yield line.rstrip()
