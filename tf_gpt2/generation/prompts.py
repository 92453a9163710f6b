"""Files of prompts."""

import json
import os
import pathlib

from tf_gpt2.errors import UserError


def read_prompts(path: str | os.PathLike) -> list[str]:
    """Prompts of a file: one a line, or the field `prompt` (or the string itself) of each line of a .jsonl file.

    Raises:
        UserError: The file cannot be read, a line is no prompt, or there is none.
    """
    path = pathlib.Path(path)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"`prompts_file` must be a readable UTF-8 file; {path}: {error}") from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise UserError(f"`prompts_file` must hold a prompt; {path} is empty")
    if path.suffix != ".jsonl":
        return [line for _, line in numbered]
    return [_prompt_of_json(line, f"{path}, line {number}") for number, line in numbered]


def _prompt_of_json(line: str, place: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: must be JSON ({error})") from None
    prompt = value.get("prompt") if isinstance(value, dict) else value
    if not isinstance(prompt, str):
        raise UserError(f'{place}: must be {{"prompt": "..."}}; received {line[:80]!r}')
    return prompt
