"""docs/results.md: what is shown of a run, and by which rule."""

import dataclasses
import pathlib

import numpy as np
import pytest

from benchmarks.lstm.model import LstmConfig, build_lstm, save_weights
from benchmarks.shown import books
from benchmarks.shown.books import _lstm_name, _of_bigram, _of_lstm, stream_of
from benchmarks.shown.copying import began_at, copied_chart, copied_over_time
from benchmarks.shown.page import RunShown, section
from benchmarks.shown.samples import Sample, beginning, chosen, judged_samples
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.token_files import TokenStream
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.bigram import Bigram
from tf_gpt2.evaluation.runs import RunFacts
from tf_gpt2.run_directory import Metrics
from tf_gpt2.schemas import MetricsLine, Training


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    for seed, name in enumerate(("一", "二")):
        picks = np.random.default_rng(seed).integers(0, len(words), 400)
        (folder / f"{name}.txt").write_text("，".join(words[pick] for pick in picks), encoding="utf-8")
    return prepare_corpus([folder])


def test_a_book_alone_has_the_tokens_that_are_held_out_of_it(prepared):
    (_, text), *_ = prepared.held_out_texts()
    stream = stream_of(prepared.tokenizer, text)
    np.testing.assert_array_equal(stream.tokens[1:], prepared.validation.tokens[1 : len(stream)])
    assert stream.targets == len(prepared.tokenizer.encode(text))


def test_the_bigram_of_each_book_makes_up_that_of_all(prepared):
    titled = list(prepared.held_out_texts())
    by_book = _of_bigram(prepared, titled)
    together = sum(loss * len(text) for loss, (_, text) in zip(by_book, titled, strict=True))
    one, other = (stream_of(prepared.tokenizer, text).tokens for _, text in titled)
    joined = TokenStream(np.concatenate([one, other]), np.array([0, len(one)]))
    whole = Bigram(prepared.train, prepared.tokenizer.vocab_size).cross_entropy(joined)
    assert together == pytest.approx(whole * joined.targets)


def test_an_lstm_that_knows_nothing_is_as_unsure_as_can_be(prepared, tmp_path):
    size = prepared.tokenizer.vocab_size
    model = build_lstm(LstmConfig(size, 4, 6))
    model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
    save_weights(tmp_path, model)
    prepared.tokenizer.save(tmp_path)
    titled = list(prepared.held_out_texts())
    for loss, (_, text) in zip(_of_lstm(tmp_path, prepared, titled), titled, strict=True):
        assert loss == pytest.approx(np.log(size) * len(prepared.tokenizer.encode(text)) / len(text), rel=1e-6)


def test_an_lstm_is_shown_with_its_minutes(tmp_path):
    assert _lstm_name(tmp_path) == "LSTM"
    (tmp_path / "figures.json").write_text('{"model": "lstm", "seconds_of_steps": 252.0}')
    assert _lstm_name(tmp_path) == "LSTM of 4.2 minutes"


def test_an_lstm_of_other_tokens_is_refused(prepared, tmp_path):
    type(prepared.tokenizer).train_characters(["甲乙丙"]).save(tmp_path)
    with pytest.raises(UserError, match="must be of the run's own tokens"):
        _of_lstm(tmp_path, prepared, list(prepared.held_out_texts()))


def test_samples_are_chosen_by_their_figures_alone(prepared):
    (_, known), *_ = prepared.training_texts()
    new = "曹操玄德，孔明大喜，诸将引兵，云长大叫。"
    samples = judged_samples(prepared, [known[:60], "甲乙丙丁戊己庚辛", new, "曹操曹操曹操曹操"])
    assert [sample.copied_share > 0.5 for sample in samples] == [True, False, False, False]
    found = chosen(samples)
    assert found["bad"].text == "甲乙丙丁戊己庚辛"
    assert found["good"].text == new
    assert found["most copied"].text == known[:60]
    assert "most copied" not in chosen(samples[1:])


def test_a_passage_is_shown_by_its_beginning():
    assert beginning("却说\n\n曹操") == "却说 曹操"
    assert beginning("曹" * 500) == "曹" * 120 + "…"
    assert beginning("one two " * 60).count(" ") == 59


def _line(step, **figures):
    return MetricsLine(step=step, split="validation", loss=4.0, **figures)


def test_copying_begins_where_it_stays():
    shares = (0.0, 0.02, 0.0, 0.03, 0.05)
    metrics = Metrics(tuple(_line(10 * n, copied_share=share) for n, share in enumerate(shares)))
    rows = copied_over_time(metrics)
    assert [row["copied_share"] for row in rows] == list(shares)
    assert began_at(rows) == 30
    assert began_at(rows[:3]) is None
    assert copied_over_time(Metrics((_line(5),))) == []


def test_a_chart_of_one_validation_is_drawn():
    svg = copied_chart([{"step": 5, "copied_share": 0.2}]).svg("x")
    assert "20.0 %" in svg and svg.count("<rect") == 1


def test_a_section_says_what_is_known_and_what_is_not():
    training = Training.model_validate({"model": {"num_layers": 3, "hidden_dim": 192}})
    run = RunShown(
        name="demo",
        facts=RunFacts(None, "finished", validation_loss=4.3),
        training=training,
        books={"三国演义": (40_000, {"GPT-2": 4.4, "bigram": 5.0})},
        copied=[{"step": 10, "copied_share": 0.5, "longest_copied_run": 31.0}],
        repeated_by_author=0.01,
        samples={"good": Sample("却说", 0.9, 0.0, 0)},
        pictures={"loss": "pictures/x.png"},
        command="python -m tf_gpt2.train",
    )
    text = section(run)
    assert "| 三国演义 | 40,000 | 4.400 | 5.000 |" in text
    said = " ".join(text.split())
    assert "from step 10 on it was more than 1 %; in the end 50.0 %, the longest run 31 characters" in said
    assert "? tokens" in text and "4.300 nats a token" in text
    assert text.count("![") == 1 and "> 却说" in text
    assert "| command | `python -m tf_gpt2.train` |" in text
    assert "| command |" not in section(dataclasses.replace(run, command=""))
    beside_lstm = {"三国演义": (40_000, {"GPT-2": 4.4, "LSTM of 4.2 minutes": 6.0})}
    assert "--only=lstm" in section(dataclasses.replace(run, books=beside_lstm)) and "--only=lstm" not in text


def test_another_run_stands_beside_on_the_same_text(prepared, monkeypatch):
    measured = []

    def of_model(run_dir, titled):
        measured.append((str(run_dir), [title for title, _ in titled]))
        return [float(len(measured))] * len(titled)

    monkeypatch.setattr(books, "_of_model", of_model)
    found = books.by_book(pathlib.Path("runs/tuned"), prepared, beside="runs/alone")
    assert measured == [("runs/tuned", ["一", "二"]), ("runs/alone", ["一", "二"])]
    assert [(row["GPT-2"], row["`runs/alone`"]) for _, row in found.values()] == [(1.0, 2.0)] * 2
