"""Files of results: .jsonl, .csv and .tsv, a passage each with what stood beside its prompt; .txt, the texts."""

import csv
import dataclasses
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from tf_gpt2.corpus.tables import DELIMITERS
from tf_gpt2.generation.passage import Passage
from tf_gpt2.generation.prompts import Prompt
from tf_gpt2.generation.result_forms import PLAIN

_OWN = tuple(field.name for field in dataclasses.fields(Passage))


def result(passage: Passage, prompt: Prompt) -> dict[str, Any]:
    """A passage with the fields beside its prompt; where names meet, the prompt's has `prompt_` before it."""
    carried = {_carried(name): value for name, value in prompt.fields.items()}
    return {**dataclasses.asdict(passage), **carried}


class ResultsWriter:
    """Writes results one by one, each whole when `write` returns, in the form that the file's extension asks for.

    Args:
        file: Open for text with `newline=""`.
        path: Its path.
        prompts: All prompts, which tell the columns of a table.
    """

    def __init__(self, file: TextIO, path: pathlib.Path, prompts: Sequence[Prompt]):
        self._file, self._prompts = file, prompts
        self._plain, self._begun = path.suffix.lower() == PLAIN, False
        self._table: csv.DictWriter | None = None
        if delimiter := DELIMITERS.get(path.suffix.lower()):
            columns = [*_OWN, *_columns(prompts)]
            self._table = csv.DictWriter(file, columns, delimiter=delimiter, lineterminator="\n")
            self._table.writeheader()

    def write(self, passage: Passage) -> None:
        """Adds a passage.

        Raises:
            OSError: The file cannot be written.
        """
        row = result(passage, self._prompts[passage.prompt_index])
        if self._plain:
            between = "\n" if self._begun else ""
            self._file.write(f"{between}{passage.prompt}{passage.text}\n")
            self._begun = True
        elif self._table is None:
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        else:
            self._table.writerow({name: _cell(value) for name, value in row.items()})
        self._file.flush()


def _carried(name: str) -> str:
    return f"prompt_{name}" if name in _OWN else name


def _columns(prompts: Sequence[Prompt]) -> Iterator[str]:
    yield from dict.fromkeys(_carried(name) for prompt in prompts for name in prompt.fields)


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list, bool)):
        return json.dumps(value, ensure_ascii=False)
    return value
