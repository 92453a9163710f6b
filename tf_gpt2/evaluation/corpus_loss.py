"""How well a model predicts a corpus: nats, perplexity and bits per byte, with the conventions stated."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_gpt2.corpus.cleaning import clean
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.corpus.script import convert_script
from tf_gpt2.corpus.separators import check_separator
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.figures import CONVENTIONS, calibration, figures_of, loss_by_position
from tf_gpt2.evaluation.originality import CorpusIndex
from tf_gpt2.model_directory import load_config
from tf_gpt2.token_bytes import StreamDecoder


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
    return [text for _, text in read_titled_texts(entries, encoding, script, separator, text_field)]


def read_titled_texts(
    entries: str | os.PathLike | Sequence[str | os.PathLike],
    encoding: str | None = None,
    script: str | None = None,
    separator: str | None = None,
    text_field: str | None = None,
) -> list[tuple[str, str]]:
    """As `read_texts`, with the title of each: (title, text).

    Raises:
        UserError: A file is missing or cannot be read as text.
    """
    check_separator(separator)
    books = (
        book
        for path in expand_corpus(entries, encoding, text_field)
        for book in read_books(path, encoding, separator=separator, text_field=text_field)
    )
    return [(book.title, convert_script(clean(book.text), script)) for book in books]


def evaluate_model(
    run_dir: Any,
    corpus: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    stride: int | None = None,
    encoding: str | None = None,
    script: str | None = None,
    separator: str | None = None,
    text_field: str | None = None,
    index: CorpusIndex | None = None,
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
        index: Of the training text (`originality.corpus_index`); with it the loss is split by what it has too.
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
    titled = read_titled_texts(corpus, encoding, script, separator, text_field)
    from tf_gpt2.generation import load

    return evaluate(
        run_dir if opened else load(run_dir),
        [text for _, text in titled],
        stride,
        progress,
        titles=[title for title, _ in titled],
        index=index,
    )


def evaluate(
    model: Any,
    texts: list[str],
    stride: int,
    progress: Callable[[int, int, float], None] = lambda done, total, nats: None,
    *,
    titles: Sequence[str] | None = None,
    index: CorpusIndex | None = None,
) -> dict:
    """Loss of texts under a `TextGenerator`, in all units, with the conventions.

    Args:
        model: The model.
        texts: One string a document.
        stride: Tokens from one window to the next.
        progress: Called with tokens done, tokens in all and nats per token so far.
        titles: Titles of the documents; with them the figures of each are given too.
        index: Of the training text; with it the loss is split by what stands in copied runs of it and what not.

    Raises:
        UserError: There is no token to predict.
    """
    from tf_gpt2.generation.scoring import Scorer, plan_windows

    documents = model.tokenizer.encode_batch(texts)
    total = sum(len(ids) for ids in documents)
    if not total:
        raise UserError("`corpus` must hold text; it is empty after cleaning")
    scorer = Scorer(model.engine, alternatives=1)
    nats, done = 0.0, 0
    losses, confidence, right, positions, seen, books = [], [], [], [], [], []
    for number, ids in enumerate(documents):
        before = nats
        for scores, best, values in scorer.windows(ids, stride):
            losses.append(-scores.astype(np.float64))
            confidence.append(np.exp(values[:, 0].astype(np.float64)))
            right.append(best[:, 0])
            nats += float(losses[-1].sum())
            done += len(scores)
            progress(done, total, nats / done)
        windows = plan_windows(len(ids), scorer.context_length, stride)
        positions += [np.arange(window.first, window.length) for window in windows]
        if index is not None:
            seen.append(_seen(model.tokenizer, ids, texts[number], index))
        if titles is not None and len(ids):
            of_book = figures_of(nats - before, len(ids), [texts[number]])
            books.append({"book": titles[number], **of_book})
    every = np.concatenate(losses)
    figures = {
        "books": len(texts),
        "context_length": model.config.context_length,
        "stride": stride,
        **figures_of(nats, total, texts),
        "loss_by_position": loss_by_position(every, np.concatenate(positions)),
        "calibration": calibration(np.concatenate(confidence), np.concatenate(right) == np.concatenate(documents)),
        "conventions": CONVENTIONS,
    }
    if titles is not None:
        figures["by_book"] = books
    if index is not None:
        figures["overlap"] = _overlap(every, np.concatenate(seen), index)
    return figures


def _seen(tokenizer, ids, text, index) -> np.ndarray:
    """Which tokens lie, to their last character, in runs of the text that are copied from the corpus: bool [N]."""
    covered = np.zeros(len(text) + 1, bool)
    for run in index.copied_runs(text):
        covered[run.begin : run.begin + run.length] = True
    decoder = StreamDecoder(tokenizer)
    ends = np.cumsum([len(decoder.push(int(token))) for token in ids])
    return covered[np.clip(ends - 1, 0, len(text))]


def _overlap(nats, seen, index) -> dict:
    return {
        "least": index.least,
        "unit": "words" if index.alphabetic else "characters",
        "seen_share": float(seen.mean()),
        "nats_per_token_seen": float(nats[seen].mean()) if seen.any() else None,
        "nats_per_token_unseen": float(nats[~seen].mean()) if not seen.all() else None,
    }
