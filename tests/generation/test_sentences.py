"""Where a text ends that finishes its sentence."""

import json
import pathlib

import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings, TextGenerator
from tf_gpt2.generation.sentences import BLANKS, CLOSERS, FINISH_TOKENS, MARKS, SentenceEnd
from tf_gpt2.tokenizer import Tokenizer

FIXTURE = pathlib.Path(__file__).parent.parent / "fixtures" / "sentence_vectors.json"
CASES = json.loads(FIXTURE.read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_shared_vectors_of_python_and_javascript(case):
    end = SentenceEnd(case["limit"])
    certain = []
    for piece in case["pieces"]:
        assert not end.ended
        certain.append(end.push(piece))
    assert end.ended and end.kept == case["kept"]
    assert "".join(certain) == "".join(case["pieces"][: case["kept"]])


def test_the_models_own_end_gives_back_what_was_held():
    end = SentenceEnd(1)
    assert [end.push(piece) for piece in ("。", "")] == ["。", ""]
    assert (end.kept, end.release(), end.kept) == (1, "", 2)


@pytest.fixture(scope="module")
def model():
    """Writes marks and what closes often, now and then bytes that are no characters, and ends some texts."""
    tokenizer = Tokenizer.train_characters(["却说曹操引军渡河。”！\n.1 "])
    config = GPT2Config(tokenizer.vocab_size, context_length=20, num_layers=1, num_heads=2, hidden_dim=8)
    weights = random_weights(config)
    weights["wte.weight"][1:257] *= 0.1
    return TextGenerator(config, weights, tokenizer, jit_compile=False)


SETTINGS = {"max_new_tokens": 30, "top_k": 0, "temperature": 1.3, "finish_sentence": True}


@pytest.mark.parametrize("seed", range(6))
def test_the_text_is_that_of_a_longer_limit_in_a_group_and_in_a_stream(model, seed):
    passages = list(model.write(["却说", ""], model.settings(**SETTINGS, seed=seed, num_samples=4)))
    assert len({passage.num_tokens for passage in passages}) > 2  # each row has its own end
    for passage in passages:
        assert passage.finish in ("length", "end_of_text")
        if passage.finish == "length":
            assert 30 <= passage.num_tokens <= 30 + FINISH_TOKENS
            assert passage.num_tokens == 90 or passage.text.rstrip(BLANKS).rstrip(CLOSERS)[-1] in MARKS
    for passage in passages[:4]:
        plain = SETTINGS | {"finish_sentence": False, "max_new_tokens": passage.num_tokens, "seed": seed}
        *_, same = model.stream_passage(passage.prompt, model.settings(**plain), passage.sample_index)
        wanted = model.settings(**SETTINGS, seed=seed)
        *pieces, streamed = model.stream_passage(passage.prompt, wanted, passage.sample_index)
        for other in (same, streamed):
            assert (other.text, other.finish) == (passage.text, passage.finish)
            assert other.num_tokens == passage.num_tokens
            assert other.log_probability == pytest.approx(passage.log_probability, abs=1e-5)
        assert "".join(pieces) == passage.text


def test_a_stop_string_ends_the_text_before_its_sentence_does(model):
    plain = model.generate("却说", seed=1, **SETTINGS | {"finish_sentence": False})
    whole = model.generate("却说", seed=1, **SETTINGS)
    assert whole.startswith(plain) and len(whole) > len(plain) + 1
    stop = whole[len(plain) - 3 : len(plain) + 1]
    assert stop not in plain
    assert model.generate("却说", seed=1, stop=(stop,), **SETTINGS) == plain[:-3]


def test_the_setting_is_a_switch():
    with pytest.raises(UserError, match="`finish_sentence` must be true or false; received 1"):
        GenerationSettings(finish_sentence=1)
    assert not GenerationSettings().finish_sentence
