"""From published tokens with blanks between them back to text as people write it."""

import re

# What WikiText puts between blanks, and how it stood in the article.
_JOINED = ((r" @([-.,])@ ", r"\1"), (r" ([.,;:!?%)\]}])", r"\1"), (r"([(\[{$£]) ", r"\1"))
_CLITICS = re.compile(r" ('(?:s|t|re|ve|ll|d|m)|n't)\b", re.IGNORECASE)
_QUOTED = re.compile(r'" ([^"\n]*?) "')
_HEADING = re.compile(r"^ (=(?: =)*) (.*?) (=(?: =)*) $", re.MULTILINE)
# What the Penn Treebank's tokeniser makes of brackets and quotation marks.
_TREEBANK = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "``": '"',
    "''": '"',
}


def detokenise(text: str) -> str:
    """Text of a wiki.*.tokens file as it stood in the articles, as far as blanks tell."""
    text = _HEADING.sub(lambda m: f" {m[1].replace(' ', '')} {m[2]} {m[3].replace(' ', '')} ", text)
    for pattern, joined in _JOINED:
        text = re.sub(pattern, joined, text)
    text = _QUOTED.sub(r'"\1"', _CLITICS.sub(r"\1", text))
    return "\n".join(line.strip() for line in text.split("\n"))


def published_tokens(text: str) -> int:
    """Tokens of a wiki.*.tokens file: words between blanks, and the end of each line."""
    return len(text.split()) + text.count("\n")


def detokenise_treebank(text: str) -> str:
    """Text of the Children's Book Test as it stood in the books, as far as blanks tell; pieces are stripped."""
    text = " ".join(_TREEBANK.get(word, word) for word in text.split())
    return detokenise(text)
