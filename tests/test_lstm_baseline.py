"""The LSTM benchmark: it writes what its Keras model says, and both models come out measured."""

import contextlib
import io
import json

import numpy as np
import pytest

from benchmarks import lstm_baseline
from benchmarks.lstm.model import LstmConfig, build_lstm, load_weights, save_weights, weights_of
from benchmarks.lstm.writing import LstmGenerator
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train_characters(["却说曹操引兵，玄德大喜。"])
CONFIG = LstmConfig(TOKENIZER.vocab_size, embedding_dim=6, units=10, context_length=16)


@pytest.fixture(scope="module")
def lstm():
    model = build_lstm(CONFIG)
    draws = np.random.default_rng(4)
    model.set_weights([draws.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


def _most_likely(model, ids, count):
    """The likeliest continuation by the Keras model alone, the whole text anew at every token."""
    ids = list(ids)
    for _ in range(count):
        logits = np.asarray(model(np.array([ids])))[0, -1, : TOKENIZER.vocab_size]
        ids.append(int(logits.argmax()))
    return ids[-count:]


def test_it_writes_what_keras_says(lstm):
    writer = LstmGenerator(CONFIG, weights_of(lstm), TOKENIZER)
    settings = writer.settings(temperature=0.0, max_new_tokens=12, stop_at_end_of_text=False)
    prompts = ["却说", "曹操引", "玄"]
    ids = [TOKENIZER.encode(prompt) for prompt in prompts]
    session = writer.engine.start(ids, settings, 0, range(3), [0] * 3)
    while any(session.active):
        session.advance(4)
    assert session.tokens == [_most_likely(lstm, i, 12) for i in ids]


def test_its_probabilities_are_those_of_keras(lstm):
    writer = LstmGenerator(CONFIG, weights_of(lstm), TOKENIZER)
    ids = TOKENIZER.encode("却说曹操")
    theirs = np.asarray(lstm(ids[None]))[0, -1, : TOKENIZER.vocab_size]
    np.testing.assert_allclose(writer.engine.next_logits(ids), theirs, atol=1e-5)


def test_other_weights_are_written_with_at_once(lstm):
    writer = LstmGenerator(CONFIG, weights_of(lstm), TOKENIZER)
    before = writer.engine.next_logits(TOKENIZER.encode("却说"))
    writer.engine.replace_weights({name: 2 * array for name, array in weights_of(lstm).items()})
    assert np.abs(writer.engine.next_logits(TOKENIZER.encode("却说")) - before).max() > 0.1


def test_saved_weights_come_back(lstm, tmp_path):
    save_weights(tmp_path, lstm)
    other = build_lstm(CONFIG)
    load_weights(tmp_path, other)
    for ours, theirs in zip(other.get_weights(), lstm.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """One run of the whole benchmark: seconds of training on a made text."""
    folder = tmp_path_factory.mktemp("baseline")
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    picks = np.random.default_rng(0).integers(0, len(words), 1500)
    lines = ["，".join(words[pick] for pick in picks[i : i + 6]) for i in range(0, 1500, 6)]
    (folder / "novel.txt").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["--minutes=0.02", "--embedding_dim=8", "--units=16", "--batch_size=4"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        lstm_baseline.main(["--corpus", str(folder / "novel.txt"), f"--output={folder / 'out'}", *arguments])
    return folder / "out", [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


@pytest.mark.slow
def test_every_model_has_its_line_and_its_column(figures):
    _, lines, table = figures
    assert [line["model"] for line in lines] == ["bigram", "lstm", "gpt2"]
    for line in lines:
        assert 0 < line["validation_nats_per_character"] <= line["validation_nats_per_token"] * 4
    assert {"copied_share", "distinct_4", "writing_tokens_per_s", "training_tokens_per_s"} <= set(lines[1])
    assert set(lines[1]) == set(lines[2])
    assert "|  | bigram | lstm | gpt2 |" in table


@pytest.mark.slow
def test_the_kept_lstm_has_the_loss_that_is_told(figures):
    from tf_gpt2.data.prepare import prepare_corpus
    from tf_gpt2.data.windows import evaluation_windows

    folder, (_, line, _), _ = figures
    prepared = prepare_corpus([folder.parent / "novel.txt"], min_char_count=3)
    model = build_lstm(LstmConfig(prepared.tokenizer.vocab_size, 8, 16))
    load_weights(folder / "lstm", model)
    nats, count = 0.0, 0
    for x, y in evaluation_windows(prepared.validation, context_length=64, batch_size=4):
        logits, y = np.asarray(model(x), np.float64), y.numpy()
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        counted = y >= 0
        nats -= np.take_along_axis(logs, np.maximum(y, 0)[..., None], -1)[..., 0][counted].sum()
        count += counted.sum()
    assert line["validation_nats_per_token"] == pytest.approx(nats / count, rel=1e-5)


@pytest.mark.slow
def test_both_go_on_from_the_same_openings(figures):
    folder = figures[0]
    read = [
        [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("lstm", "gpt2")
    ]
    assert read[0] and [row["prompt"] for row in read[0]] == [row["prompt"] for row in read[1]]
    assert all(row["text"] for rows in read for row in rows)


@pytest.mark.slow
def test_alone_it_is_trained_and_told_without_a_gpt2(figures, tmp_path, capsys):
    novel = figures[0].parent / "novel.txt"
    arguments = ["--minutes=0.02", "--embedding_dim=8", "--units=16", "--batch_size=4", "--only=lstm"]
    lstm_baseline.main(["--corpus", str(novel), f"--output={tmp_path / 'out'}", *arguments])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines] == ["bigram", "lstm"]
    kept = json.loads((tmp_path / "out" / "lstm" / "figures.json").read_text())
    assert kept["seconds_of_steps"] == lines[1]["seconds_of_steps"] > 0
    assert not (tmp_path / "out" / "gpt2").exists()


def test_it_does_not_write_over_a_run(tmp_path):
    with pytest.raises(SystemExit, match="must be new"):
        lstm_baseline.main([f"--output={tmp_path}"])
