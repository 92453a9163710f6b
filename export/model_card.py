"""The model card, README.md of a model on Hugging Face, from what a run recorded; figures it lacks are left out."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING

from tf_gpt2.config import GPT2Config
from tf_gpt2.formats.word_piece import BETWEEN_TEXTS
from tf_gpt2.run_directory import TRAINING_FILE, Metrics, read_metrics, training_facts
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tf_gpt2.schemas import Training

_KINDS = {
    "characters": "one token a character",
    "bpe": "byte-level BPE",
    "other": "a vocabulary of another program",
}


def card(run_dir: str | os.PathLike, config: GPT2Config, tokenizer: Tokenizer, dtype: str) -> str:
    """The card in Markdown, with the hub's metadata in front."""
    run_dir = pathlib.Path(run_dir)
    trained_here = (run_dir / TRAINING_FILE).is_file()
    name = run_dir.absolute().name
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n- tf_gpt2\n---",
        f"# {name}\n\nA GPT-2 trained with tf_gpt2 (Keras on TensorFlow)."
        if trained_here
        else f"# {name}\n\nA GPT-2, written by tf_gpt2.",
        "## Model\n\n" + _table(_model_facts(config, tokenizer, dtype)),
        *_training_sections(training_facts(run_dir), read_metrics(run_dir)),
        "## Use\n\n```python\n" + _usage(tokenizer) + "```",
    ]
    return "\n\n".join(sections) + "\n"


def _table(facts) -> str:
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts)
    return f"| | |\n|---|---|\n{rows}".rstrip()


def _model_facts(config, tokenizer, dtype):
    return [
        ("parameters", f"{config.num_parameters:,}"),
        ("layers, heads, width", f"{config.num_layers}, {config.num_heads}, {config.hidden_dim}"),
        ("context", f"{config.context_length} tokens"),
        ("vocabulary", f"{config.vocabulary_size:,} ids, {_KINDS[tokenizer.kind]}"),
        ("weights", dtype),
    ]


def _training_sections(training: Training, metrics: Metrics) -> list[str]:
    """Corpus, recipe and result, as far as the run recorded them."""
    corpus, recipe = training.corpus, training.training
    facts = [
        ("texts", "; ".join(map(_plain, corpus.books or []))),
        ("training tokens", _number(corpus.train_tokens)),
        ("held-out tokens", _number(corpus.validation_tokens)),
        ("fine-tuned from", _plain(pathlib.PurePath(training.init_from.folder or "").name)),
        ("steps", _number(recipe.steps)),
        ("batch", _number(recipe.batch_size, " sequences")),
        ("optimizer", _plain(recipe.optimizer or "")),
        ("peak learning rate", recipe.learning_rate),
        ("seed", recipe.seed),
    ]
    facts = [(name, value) for name, value in facts if value not in (None, "")]
    sections = ["## Training\n\n" + _table(facts)] if facts else []
    if metrics.best_validation_loss is not None:
        sections.append(
            "## Result\n\nCross-entropy on the held-out end of every text: "
            f"**{metrics.best_validation_loss:.4f} nats per token**, at step {metrics.best_step:,}, whose weights "
            "these are."
        )
    return sections


def _number(value, unit=""):
    return None if value is None else f"{value:,}{unit}"


def _plain(text):
    """Text inside a table cell, on one line."""
    return " ".join(str(text).replace("|", "/").split())


def _usage(tokenizer) -> str:
    end = tokenizer.decode([tokenizer.end_of_text_id])
    between = "" if end != BETWEEN_TEXTS else "  # a text begins and ends with [CLS]; a line feed is one token"
    return (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("this folder")\n'
        'model = AutoModelForCausalLM.from_pretrained("this folder")\n'
        f'ids = tokenizer("{end}", return_tensors="pt", add_special_tokens=False).input_ids{between}\n'
        "print(tokenizer.decode(model.generate(ids, max_new_tokens=100, do_sample=True, top_k=40)[0]))\n"
    )
