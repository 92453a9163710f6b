"""Lengths, batches, seeds, rolling and traces of the writing loop."""

import numpy as np
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings
from tf_gpt2.generation.engine import Engine
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import assign_weights

CONFIG = GPT2Config(vocabulary_size=40, context_length=32, num_layers=2, num_heads=2, hidden_dim=8)
END = 0


@pytest.fixture(scope="module")
def engine():
    return Engine(CONFIG, random_weights(CONFIG), END)


@pytest.fixture(scope="module")
def keras_model():
    model = build_model(CONFIG)
    assign_weights(model, CONFIG, random_weights(CONFIG))
    return model


def settings(**changes):
    return GenerationSettings(**{"max_new_tokens": 50, "stop_at_end_of_text": False, **changes})


def write(engine, prompts, wanted, seed=1, streams=None, samples=None, steps=64):
    streams = range(len(prompts)) if streams is None else streams
    session = engine.start(prompts, wanted, seed, streams, samples or [0] * len(prompts))
    while any(session.active):
        session.advance(steps)
    return session


def prompt(length, seed=0):
    return np.random.default_rng(seed).integers(1, 40, length).astype(np.int32)


def likeliest_with_keras(model, ids, tokens):
    """The likeliest token at each place of `tokens`, without a cache, the window rolling as docs/write.md says.

    Until the window rolls, what is likeliest after each token of it comes from one pass.
    """
    window, likeliest = list(ids[-32:]), []
    while len(likeliest) < len(tokens):
        if len(window) > 32:
            window = window[-16:]
        new = tokens[len(likeliest) :][: 33 - len(window)]
        logits = model(np.array([window + new[:-1]])).numpy()[0]
        likeliest += logits[len(window) - 1 :].argmax(-1).tolist()
        window += new
    return likeliest


@pytest.mark.parametrize("length", [1, 31, 32, 33, 100])
def test_greedy_text_is_that_of_the_model_without_cache_past_the_context(engine, keras_model, length):
    ids = prompt(length)
    session = write(engine, [ids], settings(temperature=0))
    assert len(session.tokens[0]) == 50
    assert session.tokens[0] == likeliest_with_keras(keras_model, ids, session.tokens[0])
    assert session.cut == [max(0, length - 32)]


# Five rows are compiled as eight: once for all tests of such a group.
LENGTHS = (3, 32, 17, 1, 40)


def test_a_row_does_not_depend_on_batch_or_chunks(engine):
    prompts = [prompt(length, seed=length) for length in LENGTHS]
    wanted = settings(repetition_penalty=1.3, no_repeat_ngram=3, top_p=0.95)
    together = write(engine, prompts, wanted)
    for row, ids in enumerate(prompts):
        for steps in (64, 1, 5):
            alone = write(engine, [ids], wanted, streams=[row], steps=steps)
            assert alone.tokens[0] == together.tokens[row]
            np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-4)


def test_seed_prompt_and_sample_each_change_the_draws(engine):
    base = write(engine, [prompt(4)], settings()).tokens
    assert write(engine, [prompt(4)], settings()).tokens == base
    assert write(engine, [prompt(4)], settings(), seed=2).tokens != base
    assert write(engine, [prompt(4)], settings(), streams=[1]).tokens != base
    assert write(engine, [prompt(4)], settings(), samples=[1]).tokens != base


def test_lengths_and_settings_never_retrace():
    engine = Engine(CONFIG, random_weights(CONFIG), END)
    write(engine, [prompt(3)], settings(top_k=5))
    traces = engine.num_traces
    for length, wanted in [
        (1, settings(max_new_tokens=1)),
        (32, settings(max_new_tokens=7, top_k=7, temperature=0.3)),
        (50, settings(max_new_tokens=200, top_p=0.5, min_new_tokens=9)),
        (9, settings(repetition_penalty=2.0, repetition_window=3, no_repeat_ngram=2, temperature=0)),
        (9, settings(seed=5, top_k=0)),
    ]:
        write(engine, [prompt(length)], wanted, steps=13)
    assert engine.num_traces == traces


def test_plain_and_compiled_loops_write_the_same(engine):
    plain = Engine(CONFIG, random_weights(CONFIG), END, jit_compile=False)
    prompts = [prompt(length) for length in LENGTHS]
    wanted = settings(no_repeat_ngram=2)
    assert write(plain, prompts, wanted).tokens == write(engine, prompts, wanted).tokens


@pytest.fixture
def ending_engine(engine):
    """The same with weights to which END is likely everywhere."""
    weights = random_weights(CONFIG)
    weights["ln_f.bias"] = weights["ln_f.bias"] + 6 * weights["wte.weight"][END]
    engine.replace_weights(weights)
    yield engine
    engine.replace_weights(random_weights(CONFIG))


def test_the_end_of_text_ends_a_row_and_the_minimum_forbids_it(ending_engine):
    engine = ending_engine
    prompts = [prompt(3, seed) for seed in range(5)]
    ended = write(engine, prompts, settings(stop_at_end_of_text=True))
    assert all(tokens[-1] == END and END not in tokens[:-1] and len(tokens) < 50 for tokens in ended.tokens)
    late = write(engine, prompts, settings(stop_at_end_of_text=True, min_new_tokens=20))
    assert all(END not in tokens[:20] and len(tokens) > 20 for tokens in late.tokens)
    through = write(engine, prompts, settings())
    assert all(len(tokens) == 50 and END in tokens for tokens in through.tokens)


def test_no_repeat_ngram_holds_over_the_text(engine):
    tokens = write(engine, [prompt(1)], settings(max_new_tokens=28, no_repeat_ngram=2)).tokens[0]
    pairs = list(zip(tokens, tokens[1:], strict=False))
    assert len(set(pairs)) == len(pairs)


def test_ids_past_the_tokenizers_are_never_written():
    engine = Engine(CONFIG, random_weights(CONFIG), END, vocabulary_size=10)
    assert max(write(engine, [prompt(3) % 10], settings(top_k=0, max_new_tokens=200)).tokens[0]) < 10


def test_scores_are_the_models_log_probabilities(engine, keras_model):
    ids = prompt(4)
    session = write(engine, [ids], settings(max_new_tokens=20, temperature=0.7, top_k=3))
    everything = np.concatenate([ids, session.tokens[0]])
    logits = keras_model(everything[None, :-1]).numpy()[0, 3:]
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(session.scores[0], expected[np.arange(20), session.tokens[0]], atol=1e-4)


def test_a_model_with_one_position_writes():
    config = GPT2Config(vocabulary_size=40, context_length=1, num_layers=1, num_heads=1, hidden_dim=4)
    engine = Engine(config, random_weights(config), END)
    assert len(write(engine, [prompt(3)], settings(max_new_tokens=9)).tokens[0]) == 9


def test_weights_with_nan_are_named():
    weights = random_weights(CONFIG)
    weights["ln_f.bias"][0] = np.nan
    with pytest.raises(UserError, match="finite"):
        write(Engine(CONFIG, weights, END), [prompt(3)], settings())
