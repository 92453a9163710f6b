"""Passages that the model writes while it learns, to watch it come to speak."""

import os
from typing import TYPE_CHECKING

from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import sample_path

if TYPE_CHECKING:
    from tf_gpt2.generation import TextGenerator

_NEW_TOKENS = 120


class SampleWriter:
    """Writes a passage into `samples/` of a run directory.

    Args:
        run_dir: The run's directory.
        prompt: What each passage goes on from; empty for the beginning of a document.
        seed: Fixes the draws, so that two steps differ by what was learned alone.
    """

    def __init__(self, run_dir: str | os.PathLike, *, prompt: str, seed: int):
        self._run_dir = run_dir
        self._prompt = prompt
        self._seed = seed % 2**32

    def __call__(self, step: int, model: "TextGenerator") -> str:
        """Has a model write; returns the text to show."""
        text = model.generate(self._prompt, max_new_tokens=_NEW_TOKENS, seed=self._seed)
        write_atomically(sample_path(self._run_dir, step), text.encode())
        ended = "(it ended the text at once)" if text == self._prompt else ""
        return f"--- written at step {step:,}\n{text}{ended}\n---"
