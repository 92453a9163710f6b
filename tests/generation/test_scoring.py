"""Scores of a text, against the Keras model one window at a time."""

import numpy as np
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import TextGenerator
from tf_gpt2.generation.scoring import Scorer, plan_windows
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import assign_weights
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train_characters(["却说曹操引军渡河"])
CONFIG = GPT2Config(
    vocabulary_size=TOKENIZER.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8
)


@pytest.fixture(scope="module")
def model():
    return TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER)


@pytest.fixture(scope="module")
def log_probabilities():
    keras_model = build_model(CONFIG)
    assign_weights(keras_model, CONFIG, random_weights(CONFIG))

    def of(ids):
        logits = keras_model(np.array([ids])).numpy()[0]
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))  # [T, V]

    return of


@pytest.mark.parametrize("stride", [1, 5, 8, 16])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100])
def test_windows_predict_every_token_once_with_enough_before_it(stride, length):
    seen = []
    for window in plan_windows(length, 16, stride):
        assert window.length <= 16 and window.start + window.length <= length
        predicted = [window.start + place + 1 for place in range(window.first, window.length)]
        assert all(token <= 16 or window.first + 1 >= 16 - stride for token in predicted)
        seen += predicted
    assert seen == list(range(1, length + 1))


@pytest.mark.parametrize("stride", [0, 17])
def test_a_stride_out_of_range_is_refused(stride):
    with pytest.raises(UserError, match="`stride` must be from 1 to the context length 16"):
        plan_windows(10, 16, stride)


@pytest.mark.parametrize("length", [5, 16, 17, 75])
@pytest.mark.parametrize("stride", [3, 16])
def test_scores_match_keras_window_by_window(model, log_probabilities, length, stride):
    ids = np.random.default_rng(0).integers(1, CONFIG.vocabulary_size, length).astype(np.int32)
    scores = np.concatenate([part[0] for part in Scorer(model.engine).windows(ids, stride)])
    sequence = np.concatenate([[TOKENIZER.end_of_text_id], ids])
    expected = np.concatenate(
        [
            log_probabilities(sequence[w.start : w.start + w.length])[
                np.arange(w.first, w.length), sequence[w.start + w.first + 1 : w.start + w.length + 1]
            ]
            for w in plan_windows(length, 16, stride)
        ]
    )
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_score_gives_each_token_and_ten_alternatives(model, log_probabilities):
    text = "却说曹操引军"
    result = model.score(text)
    table = log_probabilities(np.concatenate([[TOKENIZER.end_of_text_id], result.ids[:-1]]))
    assert "".join(result.tokens) == text
    np.testing.assert_allclose(result.log_probabilities, table[np.arange(6), result.ids], atol=1e-4)
    np.testing.assert_allclose(result.alternative_log_probabilities, -np.sort(-table)[:, :10], atol=1e-4)
    assert result.alternative_ids.shape == (6, 10) and len(result.alternatives[0]) == 10
    assert result.perplexity == pytest.approx(np.exp(-result.log_probabilities.mean()))


@pytest.mark.parametrize("text", ["", "😀", "\x00", "\ud800"])
def test_any_text_has_a_score(model, text):
    result = model.score(text)
    assert len(result.tokens) == len(result.log_probabilities) == len(result.alternatives)
