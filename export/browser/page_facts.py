"""What the page says about a model, from the files of its run directory."""

import datetime
import json
import pathlib

from tf_gpt2.config import GPT2Config
from tf_gpt2.files import read_json
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.model_directory import WEIGHTS_FILE, load_generation_config


def training_corpus(run_dir) -> dict:
    """The section `corpus` of training.json; empty for a model that was not trained here."""
    path = pathlib.Path(run_dir) / "training.json"
    return read_json(path, remedy="train again").get("corpus", {}) if path.exists() else {}


def model_card(run_dir, config: GPT2Config, tokenizer, name: str | None) -> dict:
    """Facts for the page: name, books, size, validation loss, date."""
    run_dir = pathlib.Path(run_dir)
    books = training_corpus(run_dir).get("books", [])
    written = datetime.datetime.fromtimestamp((run_dir / WEIGHTS_FILE).stat().st_mtime, datetime.UTC)
    return {
        "name": name or _default_name(run_dir, books),
        "books": books,
        "parameters": config.num_parameters,
        "layers": config.num_layers,
        "context": config.context_length,
        "unit": "character" if tokenizer.kind == "characters" else "token",
        "validation_loss": _best_validation_loss(run_dir / "metrics.jsonl"),
        "date": written.date().isoformat(),
        "generation": GenerationSettings.for_model(load_generation_config(run_dir)).as_generation_config(),
    }


def _default_name(run_dir, books):
    if len(books) == 1:
        return f"{books[0]} GPT-2"
    return f"{run_dir.absolute().name} GPT-2"


def _best_validation_loss(path):
    """The saved model is the best one by validation loss."""
    try:
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return min(record["loss"] for record in records if record.get("split") == "validation")
    except (OSError, ValueError, KeyError):
        return None
