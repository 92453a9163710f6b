"""Figures of an evaluation."""

import math

import numpy as np
import numpy_gpt2
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.corpus_loss import evaluate, read_texts
from tf_gpt2.evaluation.originality import corpus_index
from tf_gpt2.generation import TextGenerator, scoring
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train_characters(["却说曹操引军渡河"])
CONFIG = GPT2Config(
    vocabulary_size=TOKENIZER.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8
)


def test_a_model_without_knowledge_is_as_perplexed_as_its_vocabulary():
    zero = {name: array * 0 for name, array in random_weights(CONFIG).items()}
    figures = evaluate(TextGenerator(CONFIG, zero, TOKENIZER), ["却说", "曹操引"], stride=8)
    assert figures["tokens"] == figures["characters"] == 5 and figures["bytes"] == 15
    assert figures["perplexity_per_token"] == pytest.approx(CONFIG.vocabulary_size, rel=1e-5)
    assert figures["bits_per_byte"] == pytest.approx(math.log2(CONFIG.vocabulary_size) / 3, rel=1e-5)


def test_nats_are_those_of_the_scores():
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER)
    texts = ["却说曹操引军渡河。" * 10, "曹操x" * 10]
    figures = evaluate(model, texts, stride=8)
    nats = -sum(model.score(text).log_probabilities.sum() for text in texts)
    assert figures["nats_per_token"] == pytest.approx(nats / figures["tokens"], rel=1e-5)
    assert figures["nats_per_character"] == pytest.approx(nats / 120, rel=1e-5)
    assert figures["tokens"] > figures["characters"]  # "。" and "x" are spelled in bytes


def test_texts_are_cleaned_as_for_training(tmp_path):
    (tmp_path / "one.txt").write_bytes("\u3000\u3000却说\r\n\r\n\r\n曹操".encode("gb18030") * 30)
    texts = read_texts([str(tmp_path)], encoding="gb18030", script="traditional")
    assert len(texts) == 1 and texts[0].startswith("卻說") and "\r" not in texts[0]


def test_nothing_to_predict_is_refused():
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER)
    with pytest.raises(UserError, match="`corpus` must hold text"):
        evaluate(model, ["", ""], stride=8)


def test_each_book_and_the_positions_add_up_to_the_whole():
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER, jit_compile=False)
    texts = ["却说曹操引军渡河。" * 10, "曹操" * 10]
    figures = evaluate(model, texts, 5, titles=["one", "two"])
    assert [book["book"] for book in figures["by_book"]] == ["one", "two"]
    for part in ("by_book", "loss_by_position"):
        tokens = [row.get("tokens") for row in figures[part]]
        nats = sum(row["nats_per_token"] * count for row, count in zip(figures[part], tokens, strict=True))
        assert sum(tokens) == figures["tokens"]
        assert nats == pytest.approx(figures["nats_per_token"] * figures["tokens"], rel=1e-9)
    assert sum(row["tokens"] for row in figures["calibration"]["bins"]) == figures["tokens"]
    assert figures["loss_by_position"][0]["tokens"] == 2  # the first token of each text
    assert figures["loss_by_position"][-1]["to"] == 15


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_the_loss_does_not_depend_on_how_many_windows_are_read_together(rows, monkeypatch):
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER, jit_compile=False)
    text = ["却说曹操引军渡河。" * 30]
    expected = evaluate(model, text, stride=8)["nats_per_token"]
    monkeypatch.setattr(scoring, "TOKENS_AT_ONCE", rows * CONFIG.context_length)
    assert evaluate(model, text, stride=8)["nats_per_token"] == pytest.approx(expected, rel=1e-6)


def test_the_loss_is_split_by_what_the_training_text_has(tmp_path):
    training = "却说曹操引军渡河，曹操大败而走，引军渡河却说。"
    (tmp_path / "one.txt").write_text(training, "utf-8")
    corpus = prepare_corpus([tmp_path / "one.txt"], cache_dir=tmp_path / "cache", validation_fraction=0)
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER, jit_compile=False)
    text = "河渡军引。" + training[:21] + "河渡河渡"  # "。" and "，" take three tokens each
    overlap = evaluate(model, [text], 8, index=corpus_index(corpus))["overlap"]
    scores = -model.score(text).log_probabilities
    # Of a character in bytes the first ones lie at the end of what was complete before.
    seen = [i for i, c in enumerate(text) for _ in TOKENIZER.encode(c)]
    exact = np.mean([5 <= at < 26 for at in seen])
    assert (overlap["least"], overlap["unit"]) == (20, "characters")
    assert abs(overlap["seen_share"] - exact) <= 2 / len(seen)
    both = (overlap["nats_per_token_seen"] * overlap["seen_share"]) + (
        overlap["nats_per_token_unseen"] * (1 - overlap["seen_share"])
    )
    assert both == pytest.approx(scores.mean(), rel=1e-5)


@pytest.mark.parametrize("stride", [1, 5, 16])
def test_the_loss_is_that_of_an_independent_computation_on_the_same_windows(stride):
    weights = random_weights(CONFIG)
    text = "却说曹操引军渡河。渡河引军曹操x" * 4
    ids = TOKENIZER.encode(text)
    sequence = [TOKENIZER.end_of_text_id, *ids.tolist()]
    nats, done, start, length = 0.0, 0, 0, CONFIG.context_length
    while done < len(ids):  # windows every `stride` tokens, the last one moved left to be full
        start = min(start, len(ids) - length)
        logits, _ = numpy_gpt2.logits(weights, sequence[start : start + length], CONFIG)
        logits = logits[:, : TOKENIZER.vocab_size]
        for at in range(done - start, length):
            row = logits[at]
            nats += np.log(np.exp(row - row.max()).sum()) + row.max() - row[sequence[start + at + 1]]
        done, start = start + length, start + stride
    figures = evaluate(TextGenerator(CONFIG, weights, TOKENIZER, jit_compile=False), [text], stride)
    assert figures["nats_per_token"] == pytest.approx(nats / len(ids), rel=1e-6)
