"""Text in, text out."""

import json

import numpy as np
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings, TextGenerator, load
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

CHARACTERS = "却说曹操引军渡河abc。"


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train_characters([CHARACTERS])


@pytest.fixture(scope="module")
def model(tokenizer):
    return build(tokenizer)


def build(tokenizer, **changes):
    config = GPT2Config(
        vocabulary_size=tokenizer.vocab_size, context_length=48, num_layers=1, num_heads=2, hidden_dim=8
    )
    # Not compiled: several group sizes would each take seconds. test_engine.py compares the two loops.
    return TextGenerator(config, {**random_weights(config), **changes}, tokenizer, jit_compile=False)


# The model is random and writes bytes that are no characters too, which stream as U+FFFD.
SETTINGS = {"max_new_tokens": 60, "seed": 3, "top_k": 0, "stop_at_end_of_text": False}


OTHER_FORMS = [(True, False), (False, True)]


def test_stream_joins_to_what_generate_writes(model):
    assert "却说" + "".join(model.stream("却说", **SETTINGS)) == model.generate("却说", **SETTINGS)


@pytest.mark.parametrize(
    ("tied", "compiled"),
    [(True, True), (False, False), *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHER_FORMS)],
)
def test_other_weights_write_as_in_a_model_of_their_own_with_the_same_traces(tokenizer, tied, compiled):
    config = GPT2Config(
        tokenizer.vocab_size, context_length=48, num_layers=1, num_heads=2, hidden_dim=8, tie_embeddings=tied
    )
    first, second = (
        TextGenerator(config, random_weights(config, seed), tokenizer, jit_compile=compiled) for seed in (1, 2)
    )
    texts = [model.generate("却说", **SETTINGS) for model in (first, second)]
    score = second.score("却说曹操").log_probabilities.tolist()
    assert texts[0] != texts[1] and first.score("却说曹操").log_probabilities.tolist() != score
    traces = first.engine.num_traces
    first.replace_weights(random_weights(config, 2))
    assert first.generate("却说", **SETTINGS) == texts[1]
    assert first.score("却说曹操").log_probabilities.tolist() == score
    assert first.engine.num_traces == traces


def test_same_seed_same_text_and_none_draws_one(model):
    assert model.generate("却说", **SETTINGS) == model.generate("却说", **SETTINGS)
    assert model.generate("却说", **SETTINGS) != model.generate("却说", **{**SETTINGS, "seed": 4})
    passage = next(model.write(["却说"], GenerationSettings(**{**SETTINGS, "seed": None})))
    assert (
        passage.text == next(model.write(["却说"], GenerationSettings(**{**SETTINGS, "seed": passage.seed}))).text
    )


def test_samples_and_prompts_come_in_order_and_do_not_depend_on_the_group(model):
    settings = GenerationSettings(**{**SETTINGS, "num_samples": 5, "max_new_tokens": 20})
    together = list(model.write(["却", "曹操引军", ""], settings))
    assert [(p.prompt_index, p.sample_index) for p in together] == [(i, j) for i in range(3) for j in range(5)]
    assert len({p.text for p in together}) == 15
    fewer = GenerationSettings(**{**SETTINGS, "num_samples": 2, "max_new_tokens": 20})
    assert [p.text for p in model.write(["却"], fewer)] == [p.text for p in together[:2]]
    *_, streamed = model.stream_passage("却", settings, sample_index=4)
    assert streamed.text == together[4].text


def test_generate_gives_a_list_for_several(model):
    texts = model.generate(["却", "曹操"], max_new_tokens=3)
    assert len(texts) == 2 and texts[1].startswith("曹操")
    assert len(model.generate("却", num_samples=3, max_new_tokens=3)) == 3


def test_a_stop_string_ends_the_text_and_is_left_out(model, tokenizer):
    text = model.generate("却说", **SETTINGS)[2:]
    for stop in (text[10:13], text[4:6], text[0]):
        expected = text[: text.find(stop)]
        wanted = GenerationSettings(**SETTINGS, stop=(stop, "never seen"))
        pieces = list(model.stream_passage("却说", wanted))
        assert "".join(pieces[:-1]) == expected == pieces[-1].text
        assert pieces[-1].finish == "stop"
        batch = list(model.write(["却说", "曹操"], wanted))
        assert batch[0].text == expected and batch[0].num_tokens == pieces[-1].num_tokens


def test_a_long_prompt_is_cut_from_the_left_and_says_so(model):
    settings = GenerationSettings(**{**SETTINGS, "max_new_tokens": 5})
    long = next(model.write(["曹操" * 50], settings))
    assert long.cut_tokens == 100 - 48 and long.num_tokens == 5
    assert long.text == next(model.write(["曹操" * 24], settings)).text
    assert next(model.write(["曹操" * 24], settings)).cut_tokens == 0


@pytest.mark.parametrize(
    "prompt", ["", "\x00", "a\x00b", "\ud800", "x\udfff", "😀", "👨‍👩‍👧", "<|endoftext|>", "\u202e"]
)
def test_any_prompt_works(model, prompt):
    assert model.generate(prompt, max_new_tokens=4, stop_at_end_of_text=False).startswith(prompt)


def test_the_end_of_text_is_not_part_of_the_text(tokenizer):
    weights = random_weights(
        GPT2Config(vocabulary_size=tokenizer.vocab_size, context_length=48, num_layers=1, num_heads=2, hidden_dim=8)
    )
    weights["wte.weight"][tokenizer.end_of_text_id] *= 20
    weights["ln_f.bias"] += weights["wte.weight"][tokenizer.end_of_text_id]
    passage = next(build(tokenizer, **weights).write(["却"], GenerationSettings(temperature=0)))
    assert (passage.text, passage.finish, passage.num_tokens) == ("", "end_of_text", 1)


def test_a_directory_is_opened_in_one_line(model, tokenizer, tmp_path):
    save_model_directory(tmp_path, model.config, random_weights(model.config), tokenizer)
    assert load(tmp_path).generate("却说", **SETTINGS) == model.generate("却说", **SETTINGS)


def test_a_tokenizer_larger_than_the_model_is_refused(tokenizer):
    config = GPT2Config(vocabulary_size=20, context_length=8, num_layers=1, num_heads=1, hidden_dim=4)
    with pytest.raises(UserError, match="at most the model's 20 ids"):
        TextGenerator(config, random_weights(config), tokenizer)


@pytest.mark.parametrize("recorded", [False, True])
def test_ctrl_c_gives_what_was_written_and_then_ends(model, monkeypatch, recorded):
    from tf_gpt2.generation.session import Session

    settings = GenerationSettings(max_new_tokens=150, seed=4, stop_at_end_of_text=False)
    whole = [passage.text for passage in model.write(["却说", "玄德"], settings)]
    advance, calls, counts = Session.advance, [], []

    def advance_once(session, steps):
        calls.append(steps)
        if len(calls) == 1 or recorded:
            advance(session, steps)
        counts[:] = [len(tokens) for tokens in session.tokens]
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "advance", advance_once)
    passages = []
    with pytest.raises(KeyboardInterrupt):
        for passage in model.write(["却说", "玄德"], settings):
            passages.append(passage)
    assert [passage.finish for passage in passages] == ["interrupted"] * 2
    assert [passage.num_tokens for passage in passages] == counts
    for passage, text in zip(passages, whole, strict=True):
        assert 0 < passage.num_tokens < 150
        assert text.startswith(passage.text.rstrip("\ufffd")) and passage.text


def test_a_models_own_settings_are_obeyed_and_what_is_given_wins(tmp_path, tokenizer, model):
    save_model_directory(tmp_path, model.config, random_weights(model.config), tokenizer)
    brought = {"do_sample": False, "max_new_tokens": 7, "repetition_penalty": 1.4}
    (tmp_path / "generation_config.json").write_text(json.dumps(brought))
    opened = load(tmp_path)
    expected = model.generate("却说", max_new_tokens=7, repetition_penalty=1.4, temperature=0)
    assert opened.generate("却说") == "却说" + "".join(opened.stream("却说")) == expected
    assert opened.generate("却说", **SETTINGS, temperature=1, repetition_penalty=1) == model.generate(
        "却说", **SETTINGS
    )
    assert opened.settings(seed=1) == GenerationSettings(**{
        "max_new_tokens": 7, "repetition_penalty": 1.4, "temperature": 0.0, "seed": 1,
    })  # fmt: skip


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"top_k": 1' + b"0" * 5000 + b"}"]
)
def test_a_missing_or_damaged_generation_config_does_not_matter(tmp_path, tokenizer, model, content):
    save_model_directory(tmp_path, model.config, random_weights(model.config), tokenizer)
    path = tmp_path / "generation_config.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert load(tmp_path).settings() == GenerationSettings()


@pytest.mark.parametrize("text", ["", "却说曹", "引军" * 60])
def test_candidates_are_the_sorted_probabilities_of_the_keras_model(model, tokenizer, text):
    window = tokenizer.encode(text)[-model.config.context_length :] if text else [tokenizer.end_of_text_id]
    logits = np.asarray(model.keras_model()(np.array([window]))[0, -1], np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    found = model.candidates(text, k=10_000)
    assert [one.id for one in found] == np.argsort(-logits, kind="stable").tolist()
    np.testing.assert_allclose([one.probability for one in found], -np.sort(-probabilities), atol=1e-6)
    assert [one.text for one in found] == [tokenizer.decode([one.id]) for one in found]
    assert model.candidates(text, k=3) == found[:3]


def test_equally_likely_candidates_come_by_rising_id(tokenizer, model):
    level = {name: array * 0 for name, array in random_weights(model.config).items()}
    found = TextGenerator(model.config, level, tokenizer, jit_compile=False).candidates("却", k=5)
    assert [one.id for one in found] == [0, 1, 2, 3, 4]
    assert found[0].probability == pytest.approx(1 / tokenizer.vocab_size)


@pytest.mark.parametrize("k", [0, -1, 2.0, True, None])
def test_a_wrong_number_of_candidates_names_the_rule(model, k):
    with pytest.raises(UserError, match="`k` must be an integer of at least 1"):
        model.candidates("却", k=k)
    with pytest.raises(UserError, match="`alternatives` must be an integer of at least 0"):
        model.score("却", alternatives=-1)


def test_scoring_again_traces_nothing(model):
    model.score("却说", alternatives=4)
    scorer = model._scorers[4]
    model.score("曹操引军" * 20, alternatives=4)
    assert model._scorers[4] is scorer and scorer._pass.experimental_get_tracing_count() == 1


def test_the_keras_model_learns_apart_from_the_writer(model):
    before = model.generate("却说", **SETTINGS)
    ids = np.random.default_rng(0).integers(0, model.config.vocabulary_size, (4, 9)).astype(np.int32)
    live = model.keras_model(with_attention=True)
    assert live(ids)["attention_0"].shape == (4, 2, 9, 9)
    live = model.keras_model()
    live.compile("sgd", "sparse_categorical_crossentropy")
    live.fit(ids[:, :-1], ids[:, 1:], verbose=0)
    old = random_weights(model.config)["wte.weight"]
    assert not np.array_equal(live.get_layer("token_embedding").get_weights()[0], old)
    np.testing.assert_array_equal(model.keras_model().get_layer("token_embedding").get_weights()[0], old)
    assert model.generate("却说", **SETTINGS) == before
