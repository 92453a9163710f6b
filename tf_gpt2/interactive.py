"""The prompt loop of `python -m tf_gpt2.sample --interactive`."""

import contextlib
import dataclasses
import typing
from typing import Any

from tf_gpt2 import command
from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings

HELP = """Type a text and press Enter: the model writes on. Ctrl-C stops the writing, Ctrl-D ends the session.
/set NAME VALUE   change a setting: {names}
/settings         show the settings
/more             write on from where the last text ended
/help             show this
/quit             end the session"""


def converse(model: Any, settings: GenerationSettings) -> int:
    """Reads prompts from the terminal until the end of input; returns the exit code."""
    with contextlib.suppress(ImportError):  # a Python built without it
        import readline  # noqa: F401  (gives input() its history and line editing)
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
            command.message(f"error: {error}")


def obey(line: str, settings: GenerationSettings) -> GenerationSettings:
    """Carries out a /command; returns the settings, changed or not.

    Raises:
        UserError: There is no such command or setting, or the value is out of range.
    """
    name, *words = line[1:].split(maxsplit=2)
    if name == "help":
        command.message(HELP.format(names=", ".join(_types())))
    elif name == "settings":
        for field, value in dataclasses.asdict(settings).items():
            command.message(f"{field} {value!r}")
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
        value = (value.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in value else value,)
    elif _types()[name] is bool:
        value = value.lower() in ("1", "true", "yes")
    elif name == "seed" and value.lower() == "none":
        value = None
    else:
        convert = float if _types()[name] is float else int
        try:
            value = convert(value)
        except ValueError:
            raise UserError(f"{name} must be a number; received {value!r}") from None
    return dataclasses.replace(settings, **{name: value})


def _answer(model, prompt, settings):
    """Streams the answer to the terminal; returns prompt and answer, for /more."""
    written = prompt
    try:
        for item in model.stream_passage(prompt, settings):
            if isinstance(item, str):
                written += item
                print(printable(item), end="", flush=True)
            elif item.cut_tokens:
                command.message(f"\nnote: the first {item.cut_tokens} tokens of the prompt were left out")
    except KeyboardInterrupt:
        command.message("\nstopped")
    print(flush=True)
    return written


def printable(text: str) -> str:
    """The text with unpaired surrogates, which no terminal takes, as U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8", "replace") if not text.isascii() else text
