"""What is looked at equals what the NumPy model of the tests computes, which shares no code with it."""

import dataclasses

import numpy as np
import numpy_gpt2
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.inspection.trace import Tracer, likeliest, log_normalizers

CONFIG = GPT2Config(vocabulary_size=61, context_length=24, num_layers=3, num_heads=4, hidden_dim=32, dropout=0.2)
IDS = np.random.default_rng(1).integers(0, 61, 24).astype(np.int32)
PARTS = ("attention", "queries", "keys", "values", "hidden", "logits")


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def case(request):
    config = dataclasses.replace(CONFIG, tie_embeddings=request.param)
    weights = random_weights(config)
    return Tracer(config, weights, 61), weights, config


@pytest.mark.parametrize("length", [1, 7, 24])
def test_everything_equals_the_oracle(case, length):
    tracer, weights, config = case
    found, expected = tracer.trace(IDS[:length]), numpy_gpt2.trace(weights, IDS[:length], config)
    for name in PARTS:
        array = getattr(found, name)
        assert array.shape == expected[name].shape and array.dtype == np.float32
        np.testing.assert_allclose(array, expected[name], atol=1e-4, rtol=1e-5, err_msg=name)


def test_rows_of_attention_sum_to_one_and_look_back_only(case):
    attention = case[0].trace(IDS).attention
    np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-6)
    assert np.all(np.triu(attention, 1) == 0)


def test_attention_is_what_queries_and_keys_make_it(case):
    found = case[0].trace(IDS)
    scores = np.einsum("lhqk,lhsk->lhqs", found.queries, found.keys) / np.sqrt(CONFIG.head_dim)
    scores[..., np.triu(np.ones((24, 24), bool), 1)] = -np.inf
    np.testing.assert_allclose(found.attention, numpy_gpt2.softmax(scores.astype(np.float64)), atol=1e-5)


def test_the_residual_stream_is_the_sum_of_its_parts(case):
    found = case[0].trace(IDS)
    np.testing.assert_allclose(found.hidden[1:], found.hidden[:-1] + found.attended + found.mlp, atol=1e-4)
    np.testing.assert_allclose(found.hidden[0], found.token_vectors + case[1]["wpe.weight"][:24], atol=1e-6)


def test_the_lens_reads_every_layer_and_ends_in_the_models_answer(case):
    tracer, weights, config = case
    found, expected = tracer.trace(IDS), numpy_gpt2.trace(weights, IDS, config)["lens"]
    assert found.lens_ids.shape == found.lens_probabilities.shape == (4, 24, 10)
    np.testing.assert_array_equal(found.lens_ids, np.argsort(-expected, axis=-1, kind="stable")[..., :10])
    shares = -np.sort(-numpy_gpt2.softmax(expected), axis=-1)[..., :10]
    np.testing.assert_allclose(found.lens_probabilities, shares, atol=1e-4)
    np.testing.assert_array_equal(found.lens_ids[-1, :, 0], found.logits.argmax(-1))


def test_what_follows_is_the_last_position(case):
    tracer = case[0]
    np.testing.assert_allclose(tracer.next_logits(IDS[:9]), tracer.trace(IDS[:9]).logits[-1], atol=1e-5)


def test_ids_that_the_tokenizer_lacks_are_never_shown():
    weights = random_weights(CONFIG)
    whole, cut = Tracer(CONFIG, weights, 61).trace(IDS % 20), Tracer(CONFIG, weights, 20).trace(IDS % 20)
    assert cut.logits.shape == (24, 20) and cut.lens_ids.max() < 20 <= whole.lens_ids.max()
    np.testing.assert_array_equal(cut.logits, whole.logits[:, :20])


def test_nan_is_a_sentence_that_names_the_layer():
    weights = random_weights(CONFIG)
    weights["h.1.attn.c_attn.weight"][0, 0] = np.nan
    with pytest.raises(UserError, match="attention must be finite; layer 1 gives NaN") as caught:
        Tracer(CONFIG, weights, 61).trace(IDS)
    assert "\n" not in str(caught.value)


def test_nan_behind_the_attention_is_a_sentence_too():
    weights = random_weights(CONFIG)
    weights["ln_f.bias"][0] = np.inf
    tracer = Tracer(CONFIG, weights, 61)
    for look in (tracer.trace, tracer.next_logits):
        with pytest.raises(UserError, match="logits must be finite"):
            look(IDS)


def test_equal_logits_keep_the_lower_id_first():
    ids, shares = likeliest(np.array([[1, 3, 3, 2, 3]], np.float32), 4)
    assert ids.tolist() == [[1, 2, 4, 3]] and ids.dtype == np.int32
    np.testing.assert_allclose(shares[0, :3], 1 / (3 + np.exp(-1) + np.exp(-2)), rtol=1e-6)


def test_normalizers_of_large_logits():
    logits = np.array([[1000, 1000], [-1000, -1000]], np.float32)
    np.testing.assert_allclose(log_normalizers(logits), np.array([1000, -1000]) + np.log(2))
