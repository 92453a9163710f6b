"""What the training loop need not know of GPT-2: where its weights start, which of them learn, how it is kept."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import keras

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import describe_model
from tf_gpt2.formats.weights import tensor_shapes
from tf_gpt2.generation import TextGenerator
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import (
    assign_weights,
    build_model_from,
    keras_variable_path,
    load_config,
    load_weights,
    model_weights,
    save_model_directory,
)
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.checkpoints import variable_keys
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.originality import OriginalityProbe
from tf_gpt2.training.samples import SampleWriter
from tf_gpt2.training.settings import Recipe


def starting_model(options: TrainingOptions, tokenizer: Tokenizer) -> tuple[keras.Model, GPT2Config]:
    """The model to start from and its shape: random weights of the preset, or those of `init_from`.

    Raises:
        UserError: The model cannot be opened, or does not belong with the tokenizer or the options.
    """
    keras.utils.set_random_seed(options.seed)
    if options.init_from is None:
        config = options.shape(tokenizer.vocab_size)
        return build_model(config), config
    config = dataclasses.replace(load_config(options.init_from), **options.shape_changes)
    if tokenizer.vocab_size > config.vocabulary_size:
        raise UserError(
            f"`init_from`={options.init_from}: its tokenizer has {tokenizer.vocab_size} tokens and its model only "
            f"{config.vocabulary_size}; the two do not belong together"
        )
    if not 0 <= options.freeze_layers <= config.num_layers:
        raise UserError(
            f"`freeze_layers` must be from 0 to {config.num_layers}, the layers of `init_from`; received "
            f"{options.freeze_layers}"
        )
    return build_model_from(config, load_weights(options.init_from, config)), config


def trained_variables(model: keras.Model, recipe: Recipe) -> list:
    """The model's variables without those that fine-tuning leaves as they are."""
    frozen = [f"block_{index}_" for index in range(recipe.frozen_layers)]
    if recipe.freeze_embeddings:
        frozen += ["token_embedding/", "position_embedding/"]
    return [v for v in model.trainable_variables if not v.path.startswith(tuple(frozen))]


class GPT2Keeper:
    """Writes a live GPT-2 into its run directory: as a model directory, and as passages it writes.

    Args:
        run_dir: The run's directory.
        model: The model.
        config: Its shape.
        tokenizer: Its tokenizer.
        sample_prompt: Beginning of the passages.
        seed: Fixes their draws.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike,
        model: keras.Model,
        config: GPT2Config,
        tokenizer: Tokenizer,
        *,
        sample_prompt: str = "",
        seed: int = 0,
    ):
        self._run_dir = pathlib.Path(run_dir)
        self._model, self._config, self._tokenizer = model, config, tokenizer
        self._samples = SampleWriter(run_dir, prompt=sample_prompt, seed=seed)
        self._generator: TextGenerator | None = None

    def save(self) -> None:
        """Writes the model directory.

        Raises:
            UserError: A file cannot be written.
        """
        self.snapshot()()

    def snapshot(self) -> Callable[[], None]:
        """Copies the model as it stands; what is returned writes the copy as the model directory."""
        weights = model_weights(self._model, self._config)
        return lambda: save_model_directory(self._run_dir, self._config, weights, self._tokenizer)

    def load(self) -> None:
        """Puts the weights of the model directory into the live model.

        Raises:
            UserError: It cannot be read.
        """
        assign_weights(self._model, self._config, load_weights(self._run_dir, self._config))

    def describe(self) -> dict[str, str]:
        """Metadata that makes a checkpoint enough for a model directory."""
        variables = self._model.variables  # first in the learner's order
        keys = {variable.path: key for variable, key in zip(variables, variable_keys(variables), strict=True)}
        return describe_model(
            self._config, {name: keys[keras_variable_path(name)] for name in tensor_shapes(self._config)}
        )

    def measure(self, probe: OriginalityProbe) -> dict[str, float]:
        """What the model copies as it stands."""
        return probe(self._writing())

    def write_sample(self, step: int) -> str:
        """Writes a passage into samples/; returns the text to show."""
        return self._samples(step, self._writing())

    def _writing(self) -> TextGenerator:
        """The model as it stands, ready to write."""
        weights = model_weights(self._model, self._config)
        if self._generator is None:
            # Compiling would take longer than writing the few passages of most runs.
            self._generator = TextGenerator(self._config, weights, self._tokenizer, jit_compile=False)
        else:
            self._generator.replace_weights(weights)
        return self._generator
