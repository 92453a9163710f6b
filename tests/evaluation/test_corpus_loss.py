"""Figures of an evaluation."""

import math

import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.corpus_loss import evaluate, read_texts
from tf_gpt2.generation import TextGenerator
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
