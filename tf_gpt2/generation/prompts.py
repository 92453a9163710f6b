"""Files of prompts, and what stands beside each prompt in them."""

import dataclasses
import os
import pathlib
import stat
from typing import Any

from tf_gpt2.corpus.json_lines import NotJSON, describe, json_values
from tf_gpt2.corpus.tables import DELIMITERS, NotATable, read_table
from tf_gpt2.errors import UserError

_FIELD = "prompt"
_MAX_BYTES = 256 << 20
# Pipes that are open already, as a shell's <(...) and /dev/stdin are; any other may wait for a writer for ever.
_OPEN_PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A prompt and the other fields of its record, a label say, by name."""

    text: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)


def read_prompts(path: str | os.PathLike) -> list[Prompt]:
    """The prompts of a file, told by its extension in any case.

    .jsonl and .json: the field `prompt`, or the string itself, of each line or item of a list; .csv and .tsv: the
    column `prompt`, or the only one; else each line.

    Raises:
        UserError: The file cannot be read, a line is no prompt, or there is none.
    """
    path = pathlib.Path(path)
    text, suffix = _read(path), path.suffix.lower()
    if suffix in DELIMITERS:
        prompts = _of_table(text, suffix, path)
    elif suffix in (".jsonl", ".ndjson", ".json"):
        prompts = _of_json(text, suffix, path)
    else:
        prompts = [Prompt(line.removesuffix("\r")) for line in text.split("\n") if line.strip()]
    if not prompts:
        raise UserError(f"`prompts_file` must hold a prompt; {path} is empty")
    return prompts


def _read(path: pathlib.Path) -> str:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not (stat.S_ISFIFO(mode) and str(path).startswith(_OPEN_PIPES)):
            raise UserError(f"`prompts_file` must be a file; {path} is a device, a pipe or a folder")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise UserError(f"`prompts_file` must hold at most {_MAX_BYTES >> 20} MB; {path} holds more")
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        if isinstance(error, UnicodeDecodeError):
            reason = f"byte {error.start} is not; convert it"
        else:
            reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"`prompts_file` must be a readable UTF-8 file; {path}: {reason}") from None


def _of_table(text: str, suffix: str, path: pathlib.Path) -> list[Prompt]:
    try:
        table = read_table(text, suffix)
        place = table.column([_FIELD, "text"])
    except NotATable as error:
        raise UserError(
            f"`prompts_file` must have a column {_FIELD!r}, or one column alone; {path}: {error}"
        ) from None
    others = [(name, i) for i, name in enumerate(table.columns) if i != place and name]
    rows = [(row, table.cell(row, place)) for _, row in table.rows]
    return [Prompt(cell, {name: table.cell(row, i) for name, i in others}) for row, cell in rows if cell.strip()]


def _of_json(text: str, suffix: str, path: pathlib.Path) -> list[Prompt]:
    try:
        return [_of_value(item.value, f"{path}, {item.where}") for item in json_values(text, suffix)]
    except NotJSON as error:
        raise UserError(f"`prompts_file` must be JSON; {path} {error}") from None


def _of_value(value: Any, place: str) -> Prompt:
    prompt = value.get(_FIELD) if isinstance(value, dict) else value
    if not isinstance(prompt, str):
        raise UserError(f'{place}: must be {{"prompt": "..."}} or a string; received {describe(value)}')
    fields = {name: item for name, item in value.items() if name != _FIELD} if isinstance(value, dict) else {}
    return Prompt(prompt, fields)
