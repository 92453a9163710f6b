"""The one reader of JSON that people hand in: a value, or one value a line. For corpora and files of prompts.

Lines end in a line feed alone, for JSON strings may hold U+2028 and U+0085 as they are. Carriage returns, blank
lines and a byte order mark are nothing. Unpaired surrogates in strings become U+FFFD, NaN and infinity become null.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from tf_gpt2.corpus.cleaning import replace_lone_surrogates


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


_DECODER = json.JSONDecoder(parse_constant=lambda name: None, parse_float=_finite)


class NotJSON(ValueError):
    """A text is not JSON; the message says why, in a few words."""


def parse_json(text: str) -> Any:
    """One JSON value.

    Raises:
        NotJSON: It is none, or nested too deeply, or holds a number of thousands of digits.
    """
    try:
        value = _DECODER.decode(text.removeprefix("\ufeff"))
        return _without_surrogates(value)
    except json.JSONDecodeError as error:
        raise NotJSON(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise NotJSON("brackets are nested too deeply") from None
    except ValueError:
        raise NotJSON("a number has thousands of digits") from None


class Item(NamedTuple):
    """A value of a file, and where it stands: "line 3" or "item 3", and its number from 1."""

    where: str
    number: int
    value: Any


def json_values(text: str, suffix: str, first_line: int = 1) -> Iterator[Item]:
    """The values that a file holds: items of a list (.json alone), one value, or one value a line in any of them.

    A .json with a value a line is what `Dataset.to_json` and GPT2-Chinese write. `first_line` is the number of the
    text's first line in its file, where there are values a line.

    Raises:
        NotJSON: It is neither; the message completes "the file ...".
    """
    if suffix == ".json":
        try:
            value = parse_json(text)
        except NotJSON as error:
            if not str(error).startswith("Extra data"):
                raise NotJSON(f"is not ({error})") from None
        else:
            if not isinstance(value, list):
                yield Item("line 1", 1, value)
                return
            yield from (Item(f"item {number}", number, item) for number, item in enumerate(value, start=1))
            return
    for number, value in _json_lines(text, first_line):
        yield Item(f"line {number}", number, value)


def _json_lines(text: str, first: int) -> Iterator[tuple[int, Any]]:
    """Number (from 1) and value of every line that is not blank."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=first):
        if line.strip():
            try:
                yield number, parse_json(line.strip())
            except NotJSON as error:
                reason = str(error).replace("line 1 column", "column")
                raise NotJSON(f"line {number} is not ({reason})") from None


def describe(value: Any) -> str:
    """What a JSON value is, in words: "a number", or "an object with fields ['id', 'body']"."""
    if isinstance(value, dict):
        fields = [name[:24] for name in sorted(value)[:6]]
        return f"an object with fields {fields}" if fields else "an empty object"
    names = {list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return replace_lone_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {replace_lone_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value
