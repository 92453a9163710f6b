"""How well a run did at each checkpoint that it keeps, beside the model that it chose."""

import os
from collections.abc import Callable
from typing import Any

from tf_gpt2.evaluation.corpus_loss import evaluate_model
from tf_gpt2.model_directory import checkpoint_models
from tf_gpt2.tokenizer import Tokenizer


def evaluate_checkpoints(
    run_dir: str | os.PathLike,
    corpus: Any,
    note: Callable[[str], None] = lambda line: None,
    **given: Any,
) -> list[dict[str, Any]]:
    """The figures of each checkpoint that a run keeps, the oldest first, and last those of the kept model.

    Args:
        run_dir: A run directory.
        corpus: Files, folders and globs.
        note: Called with what is being evaluated, before each.
        **given: As for `evaluate_model`.

    Returns:
        For each its `step`, None for the kept model, and the figures of `evaluate`.

    Raises:
        UserError: There is no checkpoint, one is damaged, or a file cannot be read.
    """
    from tf_gpt2.generation import TextGenerator

    tokenizer = Tokenizer.load(run_dir)
    found = []
    for step, config, weights in checkpoint_models(run_dir):
        note(f"step {step:,}")
        model = TextGenerator(config, weights, tokenizer)
        found.append({"step": step, **evaluate_model(model, corpus, **given)})
    note("the kept model")
    return [*found, {"step": None, **evaluate_model(run_dir, corpus, **given)}]
