"""The text of an XHTML page: a line for every paragraph; no scripts, styles, reading aids."""

import re
from html.parser import HTMLParser

# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div",
    "dl", "dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul",
))
# rt and rp: the reading printed over a character would otherwise double the word.
_UNSEEN = frozenset((
    "head", "script", "style", "template", "svg", "math", "rt", "rp", "noscript",
))
_EMPTY = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
))
# fmt: on
_WIDE = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2018-\u201d\u2026\u2014]"
_WRAPPED = re.compile(f"(?<={_WIDE})[ \t]*[\r\n]\\s*(?={_WIDE})")


def markup_text(markup: str) -> str:
    """The visible text of an (X)HTML page.

    Line breaks of the source are spaces, except between Chinese or Japanese characters, where they
    are nothing. Entities of HTML are resolved; a DOCTYPE's own are not, so nothing can expand.
    """
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return "".join(reader.parts).strip()


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag, attrs):
        if self._unseen or tag in _UNSEEN:
            if tag not in _EMPTY:
                self._unseen.append(tag)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_startendtag(self, tag, attrs):
        # <p/> is complete in XHTML; the base class would call both handlers only.
        if not self._unseen and tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        if self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:  # an element left open inside ends with its parent
                    pass
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self._unseen:
            self.parts.append(re.sub(r"\s*[\r\n]\s*", " ", _WRAPPED.sub("", data)))
