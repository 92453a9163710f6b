"""What the page says about a model, from the files of its run directory."""

import datetime
import math
import os
import pathlib

from tf_gpt2.config import GPT2Config
from tf_gpt2.corpus.cleaning import replace_lone_surrogates
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.run_directory import WEIGHTS_FILE, read_generation_config, read_metrics, training_facts
from tf_gpt2.tokenizer import Tokenizer


def page_facts(run_dir: str | os.PathLike, config: GPT2Config, tokenizer: Tokenizer, name: str | None) -> dict:
    """Facts for the page: name, books, size, validation loss, date, and the settings that its fields begin with.

    The settings are those of `GenerationSettings` for this model, under transformers' names; the page has no
    defaults of its own.
    """
    run_dir = pathlib.Path(run_dir)
    settings = GenerationSettings.for_model(read_generation_config(run_dir))
    books = training_facts(run_dir).corpus.books or []
    written = _last_change(run_dir)
    loss = read_metrics(run_dir).best_validation_loss
    return {
        "name": replace_lone_surrogates(name) if name else _default_name(run_dir, books),
        "books": books,
        "parameters": config.num_parameters,
        "layers": config.num_layers,
        "context": config.context_length,
        "unit": "character" if tokenizer.kind == "characters" else "token",
        "validation_loss": loss if loss is not None and math.isfinite(loss) else None,
        "date": written.date().isoformat(),
        "generation": {
            **settings.as_generation_config(),
            "num_return_sequences": settings.num_samples,
            "avoid_copying": settings.avoid_copying,
        },
    }


def _default_name(run_dir, books):
    if len(books) == 1:
        return f"{books[0]} GPT-2"
    return f"{replace_lone_surrogates(run_dir.absolute().name)} GPT-2"  # of a name that is not UTF-8


def _last_change(run_dir):
    """When the weights were written, whatever the format calls them."""
    weights = run_dir / WEIGHTS_FILE
    return datetime.datetime.fromtimestamp((weights if weights.exists() else run_dir).stat().st_mtime, datetime.UTC)
