"""`tf_gpt2.load(...).inspect(text)`: its arrays, what is asked of them, and texts of every kind."""

import checkpoints
import numpy as np
import numpy_gpt2
import pytest
from conftest import random_weights

import tf_gpt2
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import TextGenerator
from tf_gpt2.inspection.trace import Tracer
from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.tokenizer import Tokenizer

TEXT = "却说曹操引兵，天下大势"
TOKENIZER = Tokenizer.train_characters([TEXT])
CONFIG = GPT2Config(TOKENIZER.vocab_size, context_length=24, num_layers=2, num_heads=2, hidden_dim=16)
WEIGHTS = random_weights(CONFIG)


@pytest.fixture(scope="module")
def model():
    return TextGenerator(CONFIG, WEIGHTS, TOKENIZER, jit_compile=False)


@pytest.fixture(scope="module")
def seen(model):
    return model.inspect(TEXT)


def _log_probabilities(ids):
    logits, _ = numpy_gpt2.logits(WEIGHTS, ids, CONFIG)
    return np.log(numpy_gpt2.softmax(logits))


def test_its_arrays_have_the_documented_shapes(seen):
    count = len(TEXT)
    assert isinstance(seen, tf_gpt2.Inspection) and seen.text == TEXT
    assert seen.attention.shape == (2, 2, count, count)
    assert seen.queries.shape == seen.keys.shape == seen.values.shape == (2, 2, count, 8)
    assert seen.hidden_states.shape == (3, count, 16) and seen.logits.shape == (count, TOKENIZER.vocab_size)
    assert seen.lens_ids.shape == seen.lens_probabilities.shape == (3, count, 10)
    assert (seen.start, seen.total) == (0, count)


def test_it_describes_itself_in_a_line(seen):
    assert repr(seen) == "Inspection(tokens=11, total=11, start=0, num_layers=2, num_heads=2)"


def test_surprise_equals_the_oracle(seen):
    table = _log_probabilities(seen.ids)[:-1]
    chosen = table[np.arange(len(table)), seen.ids[1:]]
    assert np.isnan(seen.log_probabilities[0]) and seen.ranks[0] == 0
    np.testing.assert_allclose(seen.log_probabilities[1:], chosen, atol=1e-4)
    np.testing.assert_allclose(seen.bits[1:], -chosen / np.log(2), atol=2e-4)
    np.testing.assert_array_equal(seen.ranks[1:], 1 + (table > chosen[:, None]).sum(-1))


def test_ranks_of_ties_are_places_among_the_candidates():
    weights = {name: np.zeros_like(array) for name, array in WEIGHTS.items()}  # all tokens are equally likely
    seen = TextGenerator(CONFIG, weights, TOKENIZER, jit_compile=False).inspect("曹操")
    assert seen.ranks[1] == seen.ids[1] + 1
    assert seen.distribution(0).ids[seen.ranks[1] - 1] == seen.ids[1]


def test_candidates_are_those_of_the_writer(model, seen):
    for position in (0, 3, -1):
        prefix = TEXT if position == -1 else TEXT[: position + 1]
        expected = model.candidates(prefix)
        found = seen.candidates(position)
        assert [choice.id for choice in found] == [candidate.id for candidate in expected]
        np.testing.assert_allclose(
            [choice.probability for choice in found], [candidate.probability for candidate in expected], atol=1e-5
        )


def test_settings_move_what_is_drawn_with_and_nothing_else(seen):
    plain, cold = seen.candidates(2, temperature=1.0, top_k=0), seen.candidates(2, temperature=0.5, top_k=3)
    assert [c.probability for c in plain] == [c.probability for c in cold]
    np.testing.assert_allclose([c.drawn_with for c in plain], [c.probability for c in plain], rtol=1e-6)
    assert [c.drawn_with > 0 for c in cold] == [True] * 3 + [False] * 7
    assert cold[0].drawn_with > plain[0].drawn_with and cold[2].cumulated == pytest.approx(1)


def test_the_models_own_settings_are_the_default(model):
    own = TextGenerator(
        CONFIG, WEIGHTS, TOKENIZER, generation_config={"temperature": 0.5, "top_k": 4}, jit_compile=False
    )
    seen = own.inspect("曹操")
    assert (seen.settings.temperature, seen.settings.top_k) == (0.5, 4)
    assert seen.distribution(0).num_kept == 4 and own.inspect("曹操", top_k=2).distribution(0).num_kept == 2


def test_an_empty_text_is_the_end_of_a_text(model):
    seen = model.inspect("")
    assert seen.ids.tolist() == [TOKENIZER.end_of_text_id] and seen.text == "<|endoftext|>"
    assert [c.id for c in seen.candidates()] == [c.id for c in model.candidates("")]


def test_what_may_begin_a_text_is_there(model, seen):
    expected = numpy_gpt2.logits(WEIGHTS, np.array([TOKENIZER.end_of_text_id]), CONFIG)[0][0]
    np.testing.assert_allclose(seen.first_logits, expected, atol=1e-4)
    window = model.inspect(TEXT, start=4)
    expected = numpy_gpt2.logits(WEIGHTS, TOKENIZER.encode(TEXT)[:4], CONFIG)[0][-1]
    np.testing.assert_allclose(window.first_logits, expected, atol=1e-4)


@pytest.mark.parametrize("text", ["曹", "😀", "<script>alert(1)</script>"[:24], "\ud800", "\x00"])
def test_any_text_is_looked_at(model, text):
    seen = model.inspect(text)
    assert len(seen.tokens) == len(seen.ids) == seen.attention.shape[-1]
    assert np.isfinite(seen.log_probabilities[1:]).all()


def test_of_a_long_text_a_window_is_looked_at(model):
    seen = model.inspect(TEXT * 10_000, start=11_000, max_tokens=7)
    assert (seen.start, seen.total, seen.text) == (11_000, 110_000, TEXT[:7])
    np.testing.assert_array_equal(seen.logits, model.inspect(TEXT[:7]).logits)
    assert len(model.inspect(TEXT * 10_000).ids) == len(model.inspect(TEXT * 9, max_tokens=999).ids) == 24


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 11}, "`start` must be below the text's 11 tokens; received 11"),
        ({"start": -1}, "`start` must be an integer of at least 0"),
        ({"max_tokens": 0}, "`max_tokens` must be an integer of at least 1"),
        ({"temperature": -1.0}, "`temperature` must be"),
        ({"colour": 1}, "a setting must be one of"),
    ],
)
def test_a_mistake_is_one_line(model, given, message):
    with pytest.raises(UserError, match=message):
        model.inspect(TEXT, **given)


def test_a_position_that_is_not_there_is_one_line(seen):
    with pytest.raises(UserError, match="`position` must be an integer from -11 to 10; received 11"):
        seen.candidates(11)
    with pytest.raises(UserError, match="a setting must be a field of GenerationSettings; received 'colour'"):
        seen.candidates(1, colour=2)


@pytest.mark.parametrize("name", checkpoints.FORMATS)
def test_models_of_other_programs_are_looked_into(name):
    model, text = tf_gpt2.load(checkpoints.FOLDER / name), "it was 势 the 😀 war"
    seen = model.inspect(text)
    assert [token.id for token in seen.tokens] == seen.ids.tolist()
    assert seen.text == model.tokenizer.decode(seen.ids)
    assert [choice.id for choice in seen.candidates()] == [candidate.id for candidate in model.candidates(text)]
    original = checkpoints.expected(name)
    config = load_config(checkpoints.FOLDER / name)
    tracer = Tracer(config, load_weights(checkpoints.FOLDER / name, config), config.vocabulary_size)
    np.testing.assert_allclose(tracer.trace(original["ids"].astype(np.int32)).logits, original["logits"], atol=1e-4)


def test_nan_is_one_line():
    broken = {**WEIGHTS, "h.0.attn.c_attn.bias": np.full_like(WEIGHTS["h.0.attn.c_attn.bias"], np.nan)}
    with pytest.raises(UserError, match="attention must be finite; layer 0 gives NaN"):
        TextGenerator(CONFIG, broken, TOKENIZER, jit_compile=False).inspect(TEXT)
