"""Held-out loss by book: the model beside an interpolated bigram and, where one is given, an LSTM."""

import pathlib
from collections.abc import Sequence

import numpy as np

from benchmarks.lstm.model import FIGURES_FILE
from tf_gpt2.data.token_files import PreparedCorpus, TokenStream
from tf_gpt2.data.windows import evaluation_windows
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.bigram import Bigram
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.files import read_json
from tf_gpt2.tokenizer import Tokenizer

MOST_BOOKS = 40
LSTM = "LSTM"  # how its column begins
_ROWS = 16
Column = dict[str, float]


def by_book(
    run_dir: pathlib.Path, prepared: PreparedCorpus, lstm: str = "", beside: str = ""
) -> dict[str, tuple[int, Column]]:
    """Characters held out of each book, and nats a character by the model's name.

    Args:
        run_dir: The run.
        prepared: What it was trained on.
        lstm: Run directory of an LSTM of `benchmarks.lstm_baseline`, trained on the same tokens; empty for none.
        beside: Run directory of another model of ours, of any tokens; empty for none.

    Raises:
        UserError: Nothing is held out, or the LSTM is of other tokens.
    """
    titled = [(title, text) for title, text in prepared.held_out_texts()][:MOST_BOOKS]
    if not titled:
        raise UserError("the run's corpus must have text held out to be measured on; it has none")
    columns = {"GPT-2": _of_model(run_dir, titled), "bigram": _of_bigram(prepared, titled)}
    if lstm:
        columns[_lstm_name(pathlib.Path(lstm))] = _of_lstm(pathlib.Path(lstm), prepared, titled)
    if beside:
        columns[f"`runs/{pathlib.Path(beside).resolve().name}`"] = _of_model(beside, titled)
    return {
        title: (len(text), {name: column[number] for name, column in columns.items()})
        for number, (title, text) in enumerate(titled)
    }


def _of_model(run_dir, titled) -> list[float]:
    from tf_gpt2.generation import load

    model = load(run_dir)
    texts = [text for _, text in titled]
    stride = max(1, model.config.context_length // 2)
    figures = evaluate(model, texts, stride, titles=[title for title, _ in titled])
    return [book["nats_per_character"] for book in figures["by_book"]]


def stream_of(tokenizer: Tokenizer, text: str) -> TokenStream:
    """A text's tokens behind the token that ends another text, each of them but that one a target."""
    ids = np.concatenate([[tokenizer.end_of_text_id], tokenizer.encode(text)]).astype(np.int64)
    return TokenStream(ids, np.zeros(1, np.int64), len(text))


def _of_bigram(prepared, titled) -> list[float]:
    bigram = Bigram(prepared.train, prepared.tokenizer.vocab_size)
    return [bigram.cross_entropy_per_character(stream_of(prepared.tokenizer, text)) for _, text in titled]


def _lstm_name(lstm: pathlib.Path) -> str:
    """With its minutes of steps, as a run of ours is told with, where the benchmark left them."""
    if not (lstm / FIGURES_FILE).exists():
        return LSTM
    seconds = read_json(lstm / FIGURES_FILE, remedy="train the LSTM again")["seconds_of_steps"]
    return f"{LSTM} of {seconds / 60:.1f} minutes"


def _of_lstm(lstm: pathlib.Path, prepared: PreparedCorpus, titled: Sequence[tuple[str, str]]) -> list[float]:
    from benchmarks.lstm.model import WEIGHTS_FILE, LstmConfig, build_lstm, load_weights

    if Tokenizer.load(lstm).to_json() != prepared.tokenizer.to_json():
        raise UserError(f"`lstm` must be of the run's own tokens; {lstm} has others: train both by one command")
    with np.load(lstm / WEIGHTS_FILE) as stored:
        sizes = (*stored["embedding"].shape, stored["recurrent"].shape[0])
    model = build_lstm(LstmConfig(*sizes))
    load_weights(lstm, model)
    return [_nats_per_character(model, stream_of(prepared.tokenizer, text)) for _, text in titled]


def _nats_per_character(model, stream: TokenStream, window: int = 64) -> float:
    """Of a Keras model of logits, over windows end to end, each begun with a state of zeros."""
    total = 0.0
    for x, y in evaluation_windows(stream, context_length=window, batch_size=_ROWS):
        logits, wanted = np.asarray(model(x), np.float64), y.numpy()
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        total -= np.take_along_axis(logs, np.maximum(wanted, 0)[..., None], -1)[..., 0][wanted >= 0].sum()
    return total / stream.characters
