"""How well a model predicts a corpus: nats, perplexity and bits per byte, with the conventions stated."""

import math

from tf_gpt2.corpus.cleaning import clean
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.corpus.script import convert_script
from tf_gpt2.errors import UserError


def read_texts(entries, encoding=None, script=None) -> list[str]:
    """The documents of a corpus, cleaned as for training.

    Raises:
        UserError: A file is missing or cannot be read as text.
    """
    books = (book for path in expand_corpus(entries) for book in read_books(path, encoding))
    return [convert_script(clean(book.text), script) for book in books]


def evaluate(model, texts: list[str], stride: int, progress=lambda done, total, nats: None) -> dict:
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
        raise UserError("--corpus must hold text; it is empty after cleaning")
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
