"""Fonts of this machine for pictures: one with Chinese characters would be too large to bring."""

import functools
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

# Parts of file names, the best first: serifs for prose, then whatever has the characters.
_FONTS = (
    "notoserifcjk", "sourcehanserif", "notoserifsc", "songti", "simsun", "notosanscjk", "sourcehansans", "pingfang",
    "msyh", "wqy", "droidsansfallback", "unifont", "georgia.", "notoserif-regular", "dejavuserif.",
    "liberationserif-regular", "dejavusans.", "arial.",
)  # fmt: skip


def font_for(text: str, size: float) -> "ImageFont.FreeTypeFont | None":
    """A font of this machine that has every character of a text; None where none has.

    Args:
        text: What is to be drawn; blanks need no character.
        size: Height of the font in pixels.
    """
    from PIL import ImageFont

    wanted = {character for character in text if not character.isspace()}
    for path in _font_files():
        try:
            font = ImageFont.truetype(path, size)
        except OSError:
            continue
        missing = bytes(font.getmask("\U0010ffff"))  # what a font draws for a character that it lacks
        if all(bytes(font.getmask(character)) != missing for character in wanted):
            return font
    return None


@functools.cache
def _font_files():
    """Paths of fonts, the best first."""
    found = []
    for folder in _font_folders():
        for base, _, names in os.walk(folder):
            for name in names:
                plain = name.lower().replace(" ", "").replace("_", "")
                rank = next((place for place, part in enumerate(_FONTS) if plain.startswith(part)), None)
                if rank is not None and plain.endswith((".ttf", ".ttc", ".otf")):
                    found.append((rank, "regular" not in plain, name, os.path.join(base, name)))
    return [path for *_, path in sorted(found)]


def _font_folders():
    if sys.platform == "win32":
        return [os.path.join(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")]
    if sys.platform == "darwin":
        return ["/System/Library/Fonts", "/Library/Fonts", os.path.expanduser("~/Library/Fonts")]
    return ["/usr/share/fonts", "/usr/local/share/fonts", os.path.expanduser("~/.local/share/fonts")]
