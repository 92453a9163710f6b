"""Keeps a live LSTM in its run directory, as `tf_gpt2.training.gpt2` keeps GPT-2."""

import pathlib
from collections.abc import Callable

import keras

from benchmarks.lstm.model import LstmConfig, load_weights, save_weights, weights_of
from benchmarks.lstm.writing import LstmGenerator
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.samples import SampleWriter


class LstmKeeper:
    """A `tf_gpt2.training.saving.ModelKeeper`.

    Args:
        run_dir: The run's directory.
        model: The live model.
        config: Its shape.
        tokenizer: Its tokenizer.
    """

    def __init__(self, run_dir: pathlib.Path, model: keras.Model, config: LstmConfig, tokenizer: Tokenizer):
        self._run_dir, self._model, self._config, self._tokenizer = run_dir, model, config, tokenizer
        self._samples = SampleWriter(run_dir, prompt="", seed=0)
        self._generator: LstmGenerator | None = None

    def save(self) -> None:
        save_weights(self._run_dir, self._model)
        self._tokenizer.save(self._run_dir)

    def snapshot(self) -> Callable[[], None]:
        """Writes at once: an LSTM is small."""
        self.save()
        return lambda: None

    def load(self) -> None:
        load_weights(self._run_dir, self._model)

    def describe(self) -> dict[str, str]:
        """Nothing: no program opens an LSTM's checkpoint as a model directory."""
        return {}

    def write_sample(self, step: int) -> str:
        return self._samples(step, self.generator())

    def generator(self) -> LstmGenerator:
        """The model as it stands, ready to write."""
        weights = weights_of(self._model)
        if self._generator is None:
            self._generator = LstmGenerator(self._config, weights, self._tokenizer)
        else:
            self._generator.replace_weights(weights)
        return self._generator
