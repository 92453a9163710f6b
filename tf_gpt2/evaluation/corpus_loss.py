"""How well a model predicts a corpus: nats, perplexity and bits per byte, with the conventions stated."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from tf_gpt2.corpus.cleaning import clean
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.corpus.script import convert_script
from tf_gpt2.corpus.separators import check_separator
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import load_config


def read_texts(
    entries: str | os.PathLike | Sequence[str | os.PathLike],
    encoding: str | None = None,
    script: str | None = None,
    separator: str | None = None,
    text_field: str | None = None,
) -> list[str]:
    """The documents of a corpus, cleaned as for training.

    Raises:
        UserError: A file is missing or cannot be read as text.
    """
    check_separator(separator)
    books = (
        book
        for path in expand_corpus(entries, encoding, text_field)
        for book in read_books(path, encoding, separator=separator, text_field=text_field)
    )
    return [convert_script(clean(book.text), script) for book in books]


def evaluate_model(
    run_dir: Any,
    corpus: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    stride: int | None = None,
    encoding: str | None = None,
    script: str | None = None,
    separator: str | None = None,
    text_field: str | None = None,
    progress: Callable[[int, int, float], None] = lambda done, total, nats: None,
) -> dict:
    """How well a model predicts a corpus.

    Args:
        run_dir: A model directory of any format, or a `TextGenerator` that `tf_gpt2.load` gave.
        corpus: Files, folders and globs.
        stride: Tokens from one window to the next; None for half of the context.
        encoding: Encoding of the files; None recognises it.
        script: "simplified", "traditional" or None.
        separator: Line that parts the texts of a plain text file; None reads it as one text.
        text_field: Field or column that holds the text, in files of records; None for "text".
        progress: Called with tokens done, tokens in all and nats per token so far.

    Returns:
        The figures of `evaluate`.

    Raises:
        UserError: The model or a file cannot be read, or a value is out of range.
    """
    opened = hasattr(run_dir, "engine")
    config = run_dir.config if opened else load_config(run_dir)  # mistakes show before TensorFlow is imported
    if stride is None:
        stride = max(1, config.context_length // 2)
    if not 1 <= stride <= config.context_length:
        raise UserError(f"`stride` must be from 1 to the context length {config.context_length}; received {stride}")
    texts = read_texts(corpus, encoding, script, separator, text_field)
    from tf_gpt2.generation import load

    return evaluate(run_dir if opened else load(run_dir), texts, stride, progress)


def evaluate(
    model: Any,
    texts: list[str],
    stride: int,
    progress: Callable[[int, int, float], None] = lambda done, total, nats: None,
) -> dict:
    """Nats, perplexity and bits per byte of texts under a `TextGenerator`.

    Args:
        model: The model.
        texts: One string a document.
        stride: Tokens from one window to the next.
        progress: Called with tokens done, tokens in all and nats per token so far.

    Raises:
        UserError: There is no token to predict.
    """
    from tf_gpt2.generation.scoring import Scorer

    documents = model.tokenizer.encode_batch(texts)
    total = sum(len(ids) for ids in documents)
    if not total:
        raise UserError("`corpus` must hold text; it is empty after cleaning")
    scorer = Scorer(model.engine)
    nats, done = 0.0, 0
    for ids in documents:
        for scores, _, _ in scorer.windows(ids, stride):
            nats -= float(scores.astype("float64").sum())
            done += len(scores)
            progress(done, total, nats / done)
    characters = sum(len(text) for text in texts)
    num_bytes = sum(len(text.encode("utf-8", "replace")) for text in texts)
    return {
        "books": len(texts),
        "tokens": total,
        "characters": characters,
        "bytes": num_bytes,
        "context_length": model.config.context_length,
        "stride": stride,
        "nats_per_token": nats / total,
        "perplexity_per_token": _exp(nats / total),
        "nats_per_character": nats / characters,
        "perplexity_per_character": _exp(nats / characters),
        "bits_per_byte": nats / math.log(2) / num_bytes,
    }


def _exp(nats):
    return math.exp(nats) if nats < 700 else math.inf
