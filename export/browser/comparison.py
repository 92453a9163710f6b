"""Another model's continuations of the openings that the samples of a page begin with."""

import os
import pathlib
from typing import Any

from tf_gpt2.corpus.cleaning import replace_lone_surrogates
from tf_gpt2.corpus.json_lines import NotJSON, describe, json_values
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_text
from tf_gpt2.formats.hub import is_name
from tf_gpt2.generation.settings import GenerationSettings

_SUFFIXES = (".jsonl", ".ndjson", ".json")


def compared_name(compare: str | os.PathLike, name: str | None = None) -> str:
    """What the other model is called on the page: the name given, else that of its directory or its file."""
    path = pathlib.Path(compare).absolute()
    return replace_lone_surrogates(name or (path.name if path.is_dir() else path.stem))


def check_other(compare: str | os.PathLike) -> None:
    """Refuses what is neither a model nor a file of continuations, before anything is written.

    Raises:
        UserError: It is neither, or cannot be read.
    """
    from tf_gpt2.model_directory import load_config

    if _is_file(compare):
        read_continuations(compare)
    elif pathlib.Path(compare).is_dir() or is_name(str(compare)):
        try:
            load_config(compare)
        except UserError as error:
            raise UserError(f"`compare`: {error}{_other_kind(pathlib.Path(compare).absolute())}") from None
    else:
        raise UserError(
            f"`compare` must be a model directory or a file of continuations ({', '.join(_SUFFIXES)}); {compare} "
            "is neither"
        )


def other_continuations(compare: str | os.PathLike, openings: list[str], **given: int) -> list[str]:
    """What the other model makes of each opening.

    Args:
        compare: A model directory of any format, which writes with its own settings; or a file of continuations,
            .jsonl or .json, as `sample --prompts_file` writes it.
        openings: The openings.
        **given: Fields of `GenerationSettings` for a model directory.

    Raises:
        UserError: The model or the file cannot be read, or the file has nothing for an opening.
    """
    if _is_file(compare):
        return _of_file(compare, openings)
    from tf_gpt2 import generation
    from tf_gpt2.run_directory import read_generation_config

    settings = GenerationSettings.for_model(read_generation_config(compare), **given)
    return [passage.text for passage in generation.load(compare).write(openings, settings)]


def read_continuations(path: str | os.PathLike) -> dict[str, str]:
    """The text after each prompt of a file of continuations; of several for a prompt the first counts.

    Raises:
        UserError: It cannot be read, or a line is not {"prompt": "...", "text": "..."}.
    """
    suffix = pathlib.Path(path).suffix.lower()
    found: dict[str, str] = {}
    try:
        for item in json_values(read_text(path, argument="compare"), suffix):
            prompt, text = (_field(item.value, name) for name in ("prompt", "text"))
            if prompt is None or text is None:
                raise UserError(
                    f'`compare`: {path}, {item.where}: must be {{"prompt": "...", "text": "..."}}, as sample '
                    f"writes it for `prompts_file`; received {describe(item.value)}"
                )
            found.setdefault(prompt, text)
    except NotJSON as error:
        raise UserError(f"`compare` must be a model directory or a file of JSON lines; {path} {error}") from None
    return found


def _other_kind(folder: pathlib.Path) -> str:
    """What to do where a directory is no GPT-2's: an LSTM's, say."""
    beside = folder.with_name(f"{folder.name}.jsonl")
    if beside.is_file():
        return f". What it writes is in {beside}: give that"
    if folder.is_dir() and not (folder / "config.json").exists():
        return (
            ". Of a model of another kind give what it writes: a file of lines "
            '{"prompt": "...", "text": "..."}, one for each opening (benchmarks.lstm_baseline writes an LSTM\'s)'
        )
    return ""


def _is_file(compare) -> bool:
    return pathlib.Path(compare).suffix.lower() in _SUFFIXES and not pathlib.Path(compare).is_dir()


def _field(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _of_file(path, openings) -> list[str]:
    found = read_continuations(path)
    missing = [opening for opening in openings if opening not in found]
    if missing:
        raise UserError(
            f"`compare`={path} must continue every opening that the page shows; it has none for {missing[0]!r} "
            f"({len(missing)} of {len(openings)} are missing). Have sample write them from a "
            "`prompts_file`, or name its openings with `openings`"
        )
    return [found[opening] for opening in openings]
