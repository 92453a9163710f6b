"""The model card, README.md of a model on Hugging Face, from what a run recorded; figures it lacks are left out."""

from __future__ import annotations

import os
import pathlib
import re
import unicodedata
from typing import TYPE_CHECKING

from tf_gpt2.config import GPT2Config
from tf_gpt2.formats.word_piece import BETWEEN_TEXTS
from tf_gpt2.run_directory import TRAINING_FILE, Metrics, read_metrics, training_facts
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tf_gpt2.schemas import Training

_USAGE_TOKENS = 100
# What Markdown takes as markup somewhere; a table's bar and what begins HTML or a link become entities.
_MARKUP = "\\`*_{}[]()#!~$^="
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", ":": "&#58;", "@": "&#64;"}
_KINDS = {
    "characters": "one token a character",
    "bpe": "byte-level BPE",
    "other": "a vocabulary of another program",
}


def card(run_dir: str | os.PathLike, config: GPT2Config, tokenizer: Tokenizer, dtype: str) -> str:
    """The card in Markdown, with the hub's metadata in front."""
    run_dir = pathlib.Path(run_dir)
    trained_here = (run_dir / TRAINING_FILE).is_file()
    name = in_markdown(run_dir.absolute().name)
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n- tf_gpt2\n---",
        f"# {name}\n\nA GPT-2 trained with tf_gpt2 (Keras on TensorFlow)."
        if trained_here
        else f"# {name}\n\nA GPT-2, written by tf_gpt2.",
        "## Model\n\n" + _table(_model_facts(config, tokenizer, dtype)),
        *_training_sections(training_facts(run_dir), read_metrics(run_dir)),
        "## Use\n\n```python\n" + _usage(config, tokenizer) + "```",
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
        ("texts", "; ".join(map(in_markdown, corpus.books or []))),
        ("training tokens", _number(corpus.train_tokens)),
        ("held-out tokens", _number(corpus.validation_tokens)),
        ("fine-tuned from", in_markdown(pathlib.PurePath(training.init_from.folder or "").name)),
        ("steps", _number(recipe.steps)),
        ("batch", _number(recipe.batch_size, " sequences")),
        ("optimizer", in_markdown(recipe.optimizer or "")),
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


def in_markdown(text: str) -> str:
    """Text from outside as Markdown that shows it: one line, no markup, no HTML, no link, whole inside a table."""
    shown = "".join(" " if c.isspace() else c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in text)
    shown = "".join(_ENTITIES.get(c, f"\\{c}" if c in _MARKUP else c) for c in " ".join(shown.split()))
    return re.sub(r"(?i)\b(www)\.", r"\1&#46;", shown)  # which some renderers make a link


def _usage(config, tokenizer) -> str:
    """Names nothing from outside: what ends a text is asked of the tokenizer."""
    between = tokenizer.decode([tokenizer.end_of_text_id]) == BETWEEN_TEXTS
    comment = "  # a text begins and ends with [CLS]; a line feed is one token" if between else ""
    length = max(1, min(_USAGE_TOKENS, config.context_length - 1))
    return (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'folder = "."  # where this file is, or the model\'s name on the hub\n'
        "tokenizer = AutoTokenizer.from_pretrained(folder)\n"
        "model = AutoModelForCausalLM.from_pretrained(folder)\n"
        f'start = tokenizer(tokenizer.eos_token, return_tensors="pt", add_special_tokens=False){comment}\n'
        f"text = model.generate(**start, max_new_tokens={length}, do_sample=True, top_k=40)\n"
        "print(tokenizer.decode(text[0], skip_special_tokens=True))\n"
    )
