"""The text of an XHTML page: a line for every paragraph; no scripts, styles, reading aids.

A scanner of our own, because html.parser takes quadratic time on broken pages: here no byte is looked for twice, so
that time is linear whatever a page holds. What ends nowhere (a tag, a comment) is text.
"""

import html
import re
from collections import Counter

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
_RAW = {name: re.compile(f"</{name}[\\s/>]", re.IGNORECASE) for name in ("script", "style")}
_WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2018-\u201d\u2026\u2014]")
_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
# Most tags: no attribute in quotation marks.
_PLAIN_TAG = re.compile(r"""<(/?)([A-Za-z][^\s/<>"']*+)[^<>"']*+>""")
_QUOTE_OR_END = re.compile("[>\"']")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<!": ">", "<?": ">"}
# Code points have seven digits; int() refuses thousands of them.
_LONG_REFERENCE = re.compile("&#(?:[0-9]{9,}|[xX][0-9A-Fa-f]{9,});?")


def markup_text(markup: str) -> str:
    """The visible text of an (X)HTML page.

    Line breaks of the source are spaces, except between Chinese or Japanese characters, where they
    are nothing. Entities of HTML are resolved; a DOCTYPE's own are not, so nothing can expand.
    """
    reader = _Reader(markup)
    reader.read()
    return "".join(reader.parts).strip()


class _Reader:
    def __init__(self, markup: str):
        self.parts: list[str] = []
        self._markup = markup
        self._unseen: list[str] = []
        self._open: Counter = Counter()  # how often each name is in _unseen
        self._endless: set[str] = set()  # scripts and styles that nothing closes any more
        self._last = {end: markup.rfind(end) for end in ("-->", "]]>", ">", '"', "'")}

    def read(self) -> None:
        """Goes through the page once."""
        markup, begin, at = self._markup, 0, 0
        while (at := markup.find("<", at)) >= 0:
            plain = _PLAIN_TAG.match(markup, at)
            end = plain.end() if plain else self._end(at)
            if end is None:
                at += 1
                continue
            if begin < at:
                self._data(markup[begin:at])
            begin = at = self._element(at, end)
        self._data(markup[begin:])

    def _find(self, what: str, begin: int) -> int:
        """As str.find, but what is not there is not looked for."""
        return self._markup.find(what, begin) if self._last[what] >= begin else -1

    def _end(self, at: int) -> int | None:
        """Where the tag, comment or declaration at `at` ends; None where it is text."""
        if self._markup[at + 1 : at + 2] in ("!", "?"):
            begin = next(begin for begin in _ENDS if self._markup.startswith(begin, at))
            found = self._find(_ENDS[begin], at + len(begin))
            return None if found < 0 else found + len(_ENDS[begin])
        if self._last[">"] < at or not (tag := _TAG.match(self._markup, at)) or self._last[">"] < tag.end():
            return None
        place = tag.end()
        while found_match := _QUOTE_OR_END.search(self._markup, place):
            place = found_match.end()
            if found_match.group() == ">":
                return place
            if self._markup[found_match.start() - 1] in "= \t\r\n":  # a quotation mark that opens a value
                close = self._find(found_match.group(), place)
                place = close + 1 if close >= 0 else place
        return self._find(">", tag.end()) + 1  # in quotation marks that swallowed all the rest

    def _element(self, at: int, end: int) -> int:
        """Handles what stands from `at` to `end`; returns where to go on."""
        markup = self._markup
        tag = _TAG.match(markup, at)
        if not tag:
            return end
        name = tag.group(1).lower()
        if markup[at + 1] == "/":
            self._close(name)
        elif markup[end - 2] == "/":
            if not self._unseen and name in _BLOCKS:
                self.parts.append("\n")
        else:
            self._start(name)
            if name in _RAW and name not in self._endless:
                if close := _RAW[name].search(markup, end):
                    return close.start()
                self._endless.add(name)
        return end

    def _start(self, name: str) -> None:
        if self._unseen or name in _UNSEEN:
            if name not in _EMPTY:
                self._unseen.append(name)
                self._open[name] += 1
        elif name in _BLOCKS:
            self.parts.append("\n")

    def _close(self, name: str) -> None:
        if not self._unseen:
            if name in _BLOCKS:
                self.parts.append("\n")
        elif self._open[name]:
            while True:  # an element left open inside ends with its parent
                closed = self._unseen.pop()
                self._open[closed] -= 1
                if closed == name:
                    return

    def _data(self, data: str) -> None:
        if data and not self._unseen:
            self.parts.append(_unwrapped(html.unescape(_LONG_REFERENCE.sub("\ufffd", data))))


def _unwrapped(text: str) -> str:
    """Line breaks and the white space around them as one space, or as nothing between wide characters."""
    first, *others = text.replace("\r", "\n").split("\n")
    if not others:
        return first
    lines = [first.rstrip(), *filter(None, map(str.strip, others[:-1])), others[-1].lstrip()]
    parts = [lines[0]]
    for before, line in zip(lines, lines[1:], strict=False):
        wide = _WIDE.match(before[-1:]) and _WIDE.match(line[:1])
        parts.append(line if wide else " " + line)
    return "".join(parts)
