"""The model card, README.md of a model on Hugging Face, from what a run recorded; figures it lacks are left out."""

import contextlib
import json
import pathlib

from tf_gpt2.config import GPT2Config
from tf_gpt2.files import read_json
from tf_gpt2.formats.word_piece import BETWEEN_TEXTS

# As tf_gpt2.training names them; importing it would import TensorFlow for a page of text.
_TRAINING_FILE, _METRICS_FILE = "training.json", "metrics.jsonl"
_KINDS = {
    "characters": "one token a character",
    "bpe": "byte-level BPE",
    "other": "a vocabulary of another program",
}


def card(run_dir, config: GPT2Config, tokenizer, dtype: str) -> str:
    """The card in Markdown, with the hub's metadata in front."""
    run_dir = pathlib.Path(run_dir)
    path = run_dir / _TRAINING_FILE
    training = read_json(path, remedy="copy the run again") if path.is_file() else {}
    name = run_dir.absolute().name
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n- tf_gpt2\n---",
        f"# {name}\n\nA GPT-2 trained with tf_gpt2 (Keras on TensorFlow)."
        if training
        else f"# {name}\n\nA GPT-2, written by tf_gpt2.",
        "## Model\n\n" + _table(_model_facts(config, tokenizer, dtype)),
        *_training_sections(run_dir, training),
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


def _training_sections(run_dir, training):
    """Corpus, recipe and result, as far as the run recorded them."""
    corpus, recipe = training.get("corpus", {}), training.get("training", {})
    facts = [
        ("texts", "; ".join(map(_plain, corpus.get("books", [])))),
        ("training tokens", _number(corpus.get("train_tokens"))),
        ("held-out tokens", _number(corpus.get("validation_tokens"))),
        ("fine-tuned from", _plain(pathlib.PurePath(training.get("init_from", {}).get("folder") or "").name)),
        ("steps", _number(recipe.get("steps"))),
        ("batch", _number(recipe.get("batch_size"), " sequences")),
        ("optimizer", recipe.get("optimizer")),
        ("peak learning rate", recipe.get("learning_rate")),
        ("seed", recipe.get("seed")),
    ]
    facts = [(name, value) for name, value in facts if value not in (None, "")]
    sections = ["## Training\n\n" + _table(facts)] if facts else []
    if losses := _validation_losses(run_dir / _METRICS_FILE):
        loss, step = min(losses)
        sections.append(
            f"## Result\n\nCross-entropy on the held-out end of every text: **{loss:.4f} nats per token**, "
            f"at step {step:,}, whose weights these are."
        )
    return sections


def _validation_losses(path) -> list[tuple[float, int]]:
    """(loss, step) of every validation; a half-written last line, as a killed run leaves, is passed over."""
    losses = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            figures = json.loads(line)
            if figures.get("split") == "validation":
                losses.append((figures["loss"], figures["step"]))
    return losses


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
