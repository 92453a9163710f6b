"""Passages that the model writes while it learns, to watch it come to speak."""

import os

from tf_gpt2.config import GPT2Config
from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import sample_path
from tf_gpt2.tokenizer import Tokenizer

_NEW_TOKENS = 120


class SampleWriter:
    """Writes a passage into `samples/` of a run directory.

    Args:
        run_dir: The run's directory.
        config: The model's shape.
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`.
        prompt: What each passage goes on from; empty for the beginning of a document.
        seed: Fixes the draws, so that two steps differ by what was learned alone.
    """

    def __init__(
        self, run_dir: str | os.PathLike, config: GPT2Config, tokenizer: Tokenizer, *, prompt: str, seed: int
    ):
        self._run_dir = run_dir
        self._config = config
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._seed = seed % 2**32

    def __call__(self, step: int, weights) -> str:
        """Writes with weights by Hugging Face name; returns the text to show."""
        from tf_gpt2.generation import TextGenerator

        # Compiling for one passage would take longer than writing it.
        model = TextGenerator(self._config, weights, self._tokenizer, jit_compile=False)
        text = model.generate(self._prompt, max_new_tokens=_NEW_TOKENS, seed=self._seed)
        write_atomically(sample_path(self._run_dir, step), text.encode())
        return f"--- written at step {step:,}\n{text}\n---"
