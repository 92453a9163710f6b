"""The prompt loop of `python -m tf_gpt2.sample --interactive`."""

import contextlib
import dataclasses
import io
import re
import sys
import typing
from typing import Any

from tf_gpt2 import command, printing
from tf_gpt2.errors import UserError, shorten
from tf_gpt2.generation.settings import GenerationSettings

HELP = """Type a text and press Enter: the model writes on. Ctrl-C stops the writing, Ctrl-D ends the session.
/set NAME VALUE   change a setting: {names}
/settings         show the settings
/more             write on from where the last text ended
/help             show this
/quit             end the session"""
_ESCAPE = re.compile(r"\\(?:([ntr\\])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def converse(model: Any, settings: GenerationSettings) -> int:
    """Reads prompts from the terminal until the end of input; returns the exit code.

    Only Ctrl-D and /quit end it: a mistake in a line is one line, and the next may be typed.
    """
    with contextlib.suppress(ImportError):  # a Python built without it
        import readline  # noqa: F401  (gives input() its history and line editing)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text, of another encoding say
    command.message("Type a text and press Enter. /help lists the commands.")
    last = ""
    while True:
        try:
            line = input("> ")
        except EOFError:
            command.message("")
            return 0
        except KeyboardInterrupt:
            command.message("")
            continue
        try:
            if line.strip() == "/quit":
                return 0
            if line.startswith("/") and line.strip() != "/more":
                settings = obey(line, settings)
                continue
            last = _answer(model, last if line.strip() == "/more" else line, settings)
        except UserError as error:
            printing.error_line(error)


def obey(line: str, settings: GenerationSettings) -> GenerationSettings:
    """Carries out a /command; returns the settings, changed or not.

    Raises:
        UserError: There is no such command or setting, or the value is out of range.
    """
    name, *words = line[1:].split(maxsplit=2) or [""]
    if name == "help":
        command.message(HELP.format(names=", ".join(_types())))
    elif name == "settings":
        for field, value in dataclasses.asdict(settings).items():
            command.message(shorten(f"{field} {value!r}"))
    elif name == "set" and len(words) == 2:
        return _change(settings, *words)
    else:
        raise UserError(f"a command must be one that /help lists; received {line!r}")
    return settings


def _types():
    hints = typing.get_type_hints(GenerationSettings)
    return {name: hint for name, hint in hints.items() if name != "num_samples"}


def _change(settings, name, value):
    if name not in _types():
        raise UserError(f"a setting must be one of {', '.join(_types())}; received {name!r}")
    if name == "stop":
        value = (_unescaped(value),)
    elif _types()[name] is bool:
        if value.lower() not in _SWITCH:
            raise UserError(f"{name} must be one of {', '.join(_SWITCH)}; received {value!r}")
        value = _SWITCH[value.lower()]
    elif name == "seed" and value.lower() == "none":
        value = None
    else:
        convert = float if _types()[name] is float else int
        try:
            value = convert(value)
        except ValueError:
            raise UserError(f"{name} must be a number; received {value!r}") from None
    return dataclasses.replace(settings, **{name: value})


def _unescaped(text: str) -> str:
    r"""A stop string as typed, where \n is a line feed: \t, \r, \\, \xHH, \uHHHH and \UHHHHHHHH are known too."""

    def character(match: re.Match) -> str:
        if match[1]:
            return _LETTERS[match[1]]
        code = int(match[2] or match[3] or match[4] or "110000", 16)
        if code > sys.maxunicode or 0xD800 <= code < 0xE000:
            raise UserError(
                rf"after \ a stop string must have n, t, r, \, or the number of a character as in \u3002; received "
                f"{text!r}. Type \\\\ for the character itself"
            )
        return chr(code)

    return _ESCAPE.sub(character, text)


def _answer(model, prompt, settings):
    """Streams the answer to the terminal; returns prompt and answer, for /more."""
    written = prompt
    try:
        for item in model.stream_passage(prompt, settings):
            if isinstance(item, str):
                written += item
                command.result(item, end="")
            elif item.cut_tokens:
                command.message(f"\nnote: the first {item.cut_tokens} tokens of the prompt were left out")
    except KeyboardInterrupt:
        command.message("\nstopped")
    command.result("")
    return written
