"""Originality of what a model writes, or of texts, against the corpus that it was trained on."""

import os
from collections.abc import Sequence
from typing import Any

from tf_gpt2.cache import prepared_corpus_folder
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import PreparedCorpus, read_prepared
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.corpus_loss import read_texts
from tf_gpt2.evaluation.originality import CorpusIndex, baseline, corpus_index, measure
from tf_gpt2.run_directory import training_facts

_ROWS = 8  # passages written at a time


def measure_originality(
    run_dir: str | os.PathLike,
    *,
    text_files: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    least: int | None = None,
    prompt: str = "",
    num_samples: int = 20,
    max_new_tokens: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """How original texts are.

    Args:
        run_dir: A run directory.
        text_files: Files, folders and globs of texts; None has the model write some.
        corpus: Texts to search; None for what the run was trained on, which must be in the cache.
        least: Characters, in alphabets words, that make a run a copy; None for 20 or 8.
        prompt: Beginning of what is written; it is not measured.
        num_samples: Passages that are written.
        max_new_tokens: Tokens of each.
        seed: Fixes them.

    Returns:
        The figures, with every copied run, the longest first.

    Raises:
        UserError: The corpus is not in the cache, a file cannot be read, or there is no text.
    """
    prepared = _prepared(run_dir, corpus)
    if text_files is not None:
        texts = [text for text in read_texts(text_files) if text]
        if not texts:
            raise UserError("`text_file` must hold text; it is empty after cleaning")
    else:
        texts = _written(run_dir, prompt, num_samples, max_new_tokens, seed)
    index = corpus_index(prepared)
    figures = measure(index, texts, least)
    for run in figures["runs"]:
        run["copied"] = texts[run["text"]][run["begin"] : run["begin"] + run["length"]]
    return {
        "corpus": prepared.folder.name,
        "unit": "words" if index.alphabetic else "characters",
        "least": index.least if least is None else least,
        "baseline_copied_share": baseline(index, prepared, least),
        **figures,
    }


def know_corpus(
    model: Any,
    run_dir: str | os.PathLike,
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
) -> CorpusIndex:
    """Gives a `TextGenerator` what `avoid_copying` compares with; returns the index.

    Args:
        model: What `tf_gpt2.load` gave.
        run_dir: The run that it is of.
        corpus: Texts to compare with; None for what the run was trained on, which must be in the cache.

    Raises:
        UserError: The corpus is not in the cache, or a file cannot be read.
    """
    index = corpus_index(_prepared(run_dir, corpus))
    model.copies = index.index
    return index


def _prepared(run_dir, corpus) -> PreparedCorpus:
    return prepare_corpus(corpus, test_fraction=0, validation_fraction=0) if corpus else corpus_of_run(run_dir)


def corpus_of_run(run_dir: str | os.PathLike) -> PreparedCorpus:
    """The prepared corpus that a run was trained on.

    Raises:
        UserError: It is not in the cache any more, or `run_dir` is no run.
    """
    name = training_facts(run_dir).corpus.prepared
    if name is None:
        raise UserError(
            f"`run_dir` must be a run of tf_gpt2.train to name its corpus; {run_dir} is none: give `corpus`"
        )
    prepared = read_prepared(prepared_corpus_folder(name), from_cache=True)
    if prepared is None:
        raise UserError(
            f"the corpus of `run_dir`={run_dir} must be in the cache (as {name}); it is not: give `corpus`, or "
            "train again"
        )
    return prepared


def _written(run_dir, prompt, num_samples, max_new_tokens, seed) -> list[str]:
    from tf_gpt2.generation import load

    model = load(run_dir)
    texts: list[str] = []
    while len(texts) < num_samples:
        settings = model.settings(
            max_new_tokens=max_new_tokens, num_samples=min(_ROWS, num_samples - len(texts)), seed=seed + len(texts)
        )
        texts += [passage.text for passage in model.write([prompt], settings)]
    return texts
