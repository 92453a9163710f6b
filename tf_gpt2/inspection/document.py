"""One HTML file that shows the views, opens from disk and asks no network for anything.

Texts and titles are data in it: they stand escaped in a JSON block, and the views put them on the page as text. Its
policy (Content Security Policy Level 3) lets nothing run but the one script that was put in, by its hash.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_gpt2.built_page import built_page
from tf_gpt2.errors import UserError
from tf_gpt2.inspection.payload import payload
from tf_gpt2.inspection.views import VIEWS

if TYPE_CHECKING:
    from tf_gpt2.inspection.inspection import Inspection

SCRIPT, STYLE = "inspect.js", "inspect.css"
_MARKUP = 4000  # bytes of the elements around both, and of the heading, about
_FRAME_HEIGHT = 720  # CSS pixels
_ENDS_SCRIPT = re.compile("</script|<!--", re.IGNORECASE)
_ENDS_STYLE = re.compile("</style", re.IGNORECASE)
# What a browser without scripts is told, in both languages.
_WITHOUT_SCRIPTS = (
    "这里的图由脚本画出：请允许脚本，或换一个浏览器打开。 / "
    "A script draws what is shown here: allow scripts, or open this file in another browser."
)


def document(
    inspection: "Inspection",
    *,
    views: Sequence[str] = VIEWS,
    title: str | None = None,
    language: str | None = None,
) -> str:
    """The file's text.

    Args:
        inspection: What to show.
        views: Which views.
        title: Its heading; by default the text's beginning.
        language: "zh" or "en"; None leaves it to the reader's browser.

    Raises:
        UserError: A view or the language is unknown, or the views are not built.
    """
    script, style = _built(SCRIPT, _ENDS_SCRIPT), _built(STYLE, _ENDS_STYLE)
    beside = len(f"{script}{style}".encode()) + _MARKUP
    data = payload(inspection, views, title=title, language=language, beside=beside)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    heading = html.escape(json.loads(data)["title"])
    data = data.replace("<", r"\u003c")  # all that could be more than data in a script element
    return (
        f'<!doctype html>\n<html lang="{language or "zh"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<header><h1>{heading}</h1></header>\n<main id="inspection"></main>\n'
        f"<noscript>{_WITHOUT_SCRIPTS}</noscript>\n"
        f'<script type="application/json" id="payload">{data}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def frame(inspection: "Inspection") -> str:
    """The file in a frame, for a notebook: its script reaches nothing outside."""
    page = html.escape(document(inspection))
    return (
        f'<iframe sandbox="allow-scripts" width="100%" height="{_FRAME_HEIGHT}" style="border:0" '
        f'srcdoc="{page}"></iframe>'
    )


def _built(name, ends):
    path = built_page() / name
    if not path.is_file():
        raise UserError(
            f"the views are not built: {path} is missing. In a checkout run `make web`; else install again"
        )
    text = path.read_text("utf-8").strip()
    if ends.search(text):
        raise UserError(f"{path} must not end the element it stands in; build the page again with `make web`")
    return text


def _hash(text):
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
