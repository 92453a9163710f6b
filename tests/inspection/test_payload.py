"""What a file holds: what its views need, rounded as said, within its limits."""

import json

import numpy as np
import pytest
from conftest import random_weights
from packed_arrays import unpacked

from benchmarks import random_model
from tf_gpt2.config import GPT2Config, preset_config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import TextGenerator
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.inspection import payload as module
from tf_gpt2.inspection.document import document
from tf_gpt2.inspection.inspector import Inspector
from tf_gpt2.inspection.views import VIEWS
from tf_gpt2.tokenizer import Tokenizer

TEXT = "却说曹操引兵，天下大势😀"
TOKENIZER = Tokenizer.train_characters([TEXT[:-1]])
CONFIG = GPT2Config(TOKENIZER.vocab_size, context_length=24, num_layers=2, num_heads=2, hidden_dim=16)
# The finest rounding of attention and of what it is made of.
ATTENTION, FLOATS = 8e-6, 2**-11 * 1.01


@pytest.fixture(scope="module")
def seen():
    model = TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER, jit_compile=False)
    return model.inspect(TEXT, temperature=0.8, top_k=7)


@pytest.fixture(scope="module")
def found(seen):
    return json.loads(module.payload(seen, VIEWS))


def _array(found, name):
    return unpacked(found["arrays"][name])


def test_the_description_is_that_of_model_text_and_settings(found, seen):
    shape = {"layers": 2, "heads": 2, "headDim": 8, "width": 16, "inner": 64, "context": 24}
    assert found["shape"] == {**shape, "vocabulary": TOKENIZER.vocab_size, "tied": True}
    assert found["version"] == 1 and found["language"] is None
    assert found["settings"] == {"temperature": 0.8, "topK": 7, "topP": 1.0}
    assert found["window"] == {"start": 0, "total": 15} and found["views"] == list(VIEWS)
    assert "".join(found["characters"]) == found["title"] == TEXT
    assert [token["id"] for token in found["tokens"]] == seen.ids.tolist()
    assert found["tokens"][-1] == {"id": int(seen.ids[-1]), "text": "<0x80>", "bytes": True, "character": 11}


def test_attention_and_what_it_is_made_of_are_rounded_and_no_more(found, seen):
    rows, columns = np.tril_indices(15)
    for layer in range(2):
        expected = seen.attention[layer][:, rows, columns]
        np.testing.assert_allclose(_array(found, f"attention_{layer}"), expected, atol=ATTENTION)
        for name in ("queries", "keys", "values"):
            expected = getattr(seen, name)[layer]
            np.testing.assert_allclose(_array(found, f"{name}_{layer}"), expected, rtol=FLOATS, atol=1e-7)


def test_candidates_are_kept_exactly_with_what_begins_the_text_first(found, seen):
    logits = np.concatenate([seen.first_logits[None], seen.logits])
    ids = _array(found, "candidate_ids").astype(int)
    assert ids.shape == (16, 100)
    np.testing.assert_array_equal(ids, np.argsort(-logits, axis=-1, kind="stable")[:, :100])
    expected = np.take_along_axis(logits, ids, -1)
    np.testing.assert_array_equal(_array(found, "candidate_logits").astype(np.float32), expected)
    totals = np.log(np.exp(logits.astype(np.float64)).sum(-1))
    np.testing.assert_allclose(_array(found, "log_normalizers"), totals, rtol=1e-6)
    assert {str(token) for token in ids.ravel()} <= set(found["texts"])


def test_surprise_and_the_lens_are_kept_exactly(found, seen):
    np.testing.assert_array_equal(_array(found, "log_probabilities").astype(np.float32), seen.log_probabilities)
    np.testing.assert_array_equal(_array(found, "ranks"), seen.ranks)
    np.testing.assert_array_equal(_array(found, "lens_ids"), seen.lens_ids)
    shares = _array(found, "lens_probabilities").astype(np.float32)
    np.testing.assert_array_equal(shares, seen.lens_probabilities)
    assert all(str(token) in found["texts"] for token in np.unique(seen.lens_ids))


def test_the_walk_has_its_vectors(found, seen):
    np.testing.assert_allclose(_array(found, "hidden"), seen.hidden_states[..., :8], rtol=FLOATS, atol=1e-7)
    total = _array(found, "token_vectors") + _array(found, "position_vectors")
    np.testing.assert_allclose(total, seen.hidden_states[0][:, :8], atol=3e-3)


NEEDS = {
    "attention": {"attention"},
    "neurons": {"queries", "keys"},
    "candidates": {"candidate_ids", "candidate_logits", "log_normalizers"},
    "surprise": {"log_probabilities", "ranks"},
    "lens": {"lens_ids", "lens_probabilities"},
}


@pytest.mark.parametrize("view", NEEDS)
def test_a_file_holds_what_its_view_needs_and_no_more(seen, view):
    found = json.loads(module.payload(seen, [view]))
    names = {name for name in found["arrays"] if not name[-1].isdigit()}
    names |= {name[:-2] for name in found["arrays"] if name[-1].isdigit()}
    assert names == NEEDS[view] and found["views"] == [view]
    assert bool(found["texts"]) == (view in ("candidates", "lens"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"views": ["lens", "poem"]}, "`views` must be of candidates, .*; received 'poem'"),
        ({"views": []}, "`views` must name at least one"),
        ({"views": ["lens"], "language": "fr"}, "`language` must be one of zh, en; received 'fr'"),
    ],
)
def test_a_mistake_is_one_line(seen, arguments, message):
    with pytest.raises(UserError, match=message):
        module.payload(seen, **arguments)


def test_views_stand_in_their_order_once(seen):
    assert json.loads(module.payload(seen, ["lens", "surprise", "lens"]))["views"] == ["surprise", "lens"]


def test_a_title_may_be_anything(seen):
    assert json.loads(module.payload(seen, ["lens"], title="</script>\ud800"))["title"] == "</script>?"


def test_numbers_are_rounded_more_where_the_file_would_be_too_large(seen, monkeypatch):
    def size(limit):
        monkeypatch.setattr(module, "SMALL_FILE", limit)
        text = module.payload(seen, ["attention", "neurons"])
        return len(text), json.loads(text)["arrays"]

    whole, fine = size(10**9)
    less, rounded = size(whole - 1)
    least, coarse = size(0)
    assert least < less < whole
    assert {array["dtype"] for name, array in fine.items() if "attention" in name} == {"uint16"}
    assert {array["dtype"] for name, array in coarse.items() if "attention" in name} == {"uint8"}
    assert rounded["queries_0"] != fine["queries_0"]
    np.testing.assert_allclose(unpacked(coarse["keys_1"]), seen.keys[1], rtol=2**-5 * 1.02, atol=1e-6)


@pytest.mark.parametrize("preset", ["demo", "jinyong", "gpt2-xl"])
def test_the_usual_window_is_as_long_as_a_file_allows(preset):
    config = preset_config(preset, 13_317)
    tokens = module.tokens_that_fit(config)
    assert {"demo": tokens == 64, "jinyong": tokens >= 400, "gpt2-xl": 60 <= tokens < 150}[preset]


def _file_of(tokens):
    """The size of a file of all views, in bytes, for a model of 82 M with a short vocabulary."""
    tokenizer = random_model.characters_tokenizer(800)
    config = preset_config("jinyong", tokenizer.vocab_size)
    # Weights as large as these give attention of its own to every head: what compresses worst.
    inspector = Inspector(config, random_model.random_weights(config, scale=0.06), tokenizer)
    ids = np.random.default_rng(0).integers(0, 800, tokens)
    seen = inspector.inspect("".join(chr(0x4E00 + i) for i in ids), GenerationSettings())
    assert len(seen.ids) == tokens
    return len(document(seen).encode())


def test_sixty_tokens_of_a_model_of_82_million_are_under_3_mb():
    assert 1_500_000 < _file_of(60) < 3_000_000


@pytest.mark.slow
def test_four_hundred_tokens_of_it_are_under_25_mb():
    assert 10_000_000 < _file_of(400) < 25_000_000
