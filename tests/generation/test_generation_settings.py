import logging

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings, settings


@pytest.mark.parametrize(
    "bad",
    [
        {"top_k": -1},
        {"top_k": 2.5},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_p": 0},
        {"top_p": 1.01},
        {"repetition_penalty": 0},
        {"repetition_window": -1},
        {"no_repeat_ngram": -1},
        {"max_new_tokens": 0},
        {"max_new_tokens": 2**31},
        {"min_new_tokens": 5, "max_new_tokens": 4},
        {"num_samples": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"seed": True},
        {"stop": ""},
        {"stop": ["a", ""]},
    ],
)
def test_a_value_out_of_range_names_the_rule_and_the_value(bad):
    with pytest.raises(UserError, match=list(bad)[0]) as caught:
        GenerationSettings(**bad)
    assert "received" in str(caught.value) and "\n" not in str(caught.value)


def test_a_single_stop_string_is_taken_as_one():
    assert GenerationSettings(stop="。").stop == ("。",)


def test_temperature_zero_and_one_candidate_are_greedy():
    assert GenerationSettings(temperature=0).greedy and GenerationSettings(top_k=1).greedy
    assert not GenerationSettings().greedy


GPT2 = {"_from_model_config": True, "bos_token_id": 50256, "eos_token_id": 50256, "transformers_version": "4.26.0"}
BROUGHT = {
    "do_sample": True,
    "temperature": 0.7,
    "top_k": 0,
    "top_p": 0.9,
    "repetition_penalty": 1.2,
    "max_new_tokens": 50,
    "min_new_tokens": 5,
    "no_repeat_ngram_size": 3,
}


def test_a_model_brings_its_own_defaults_and_what_is_given_wins(caplog):
    caplog.set_level(logging.INFO)
    expected = {**BROUGHT, "no_repeat_ngram": 3}
    del expected["do_sample"], expected["no_repeat_ngram_size"]
    assert GenerationSettings.for_model(BROUGHT) == GenerationSettings(**expected)
    given = GenerationSettings.for_model(BROUGHT, temperature=0, top_k=7, seed=3)
    assert given == GenerationSettings(**{**expected, "temperature": 0, "top_k": 7, "seed": 3})
    assert GenerationSettings.for_model(GPT2) == GenerationSettings.for_model({}) == GenerationSettings()
    assert GenerationSettings.for_model({"top_k": None}) == GenerationSettings()
    assert not caplog.messages


def test_a_model_that_does_not_sample_is_greedy_until_a_temperature_is_given():
    assert GenerationSettings.for_model({"do_sample": False, "temperature": 0.7}).greedy
    assert not GenerationSettings.for_model({"do_sample": False}, temperature=0.7).greedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", 10**400),
        ("temperature", "0.7"),
        ("temperature", True),
        ("top_p", 1.5),
        ("top_k", 40.0),
        ("top_k", -1),
        ("max_new_tokens", 2**40),
        ("max_new_tokens", [5]),
        ("no_repeat_ngram_size", -1),
        ("do_sample", "no"),
        ("num_beams", 4),
        ("seed", 7),
    ],
)
def test_what_a_model_says_wrongly_is_passed_over_and_told_once(caplog, name, value):
    caplog.set_level(logging.INFO)
    settings._tell.cache_clear()
    for _ in range(2):
        found = GenerationSettings.for_model({name: value, "repetition_penalty": 1.5})
        assert found == GenerationSettings(repetition_penalty=1.5)
    (line,) = caplog.messages
    assert repr(name) in line and "\n" not in line


def test_what_is_given_is_never_passed_over():
    with pytest.raises(UserError, match="`top_k` must be"):
        GenerationSettings.for_model({}, top_k=-1)
    with pytest.raises(UserError, match="a setting must be one of .*top_k.*; received 'topk'"):
        GenerationSettings.for_model({}, topk=5)


def test_a_models_shortest_text_gives_way_to_the_longest_that_is_given():
    assert GenerationSettings.for_model({"min_new_tokens": 100}, max_new_tokens=20).min_new_tokens == 20
    assert GenerationSettings.for_model({"min_new_tokens": 1000}).min_new_tokens == 200
    with pytest.raises(UserError, match="`min_new_tokens` must be at most"):
        GenerationSettings.for_model({"max_new_tokens": 20}, min_new_tokens=100)
    with pytest.raises(UserError, match="`max_new_tokens` must be"):
        GenerationSettings.for_model({"min_new_tokens": 5}, max_new_tokens=-3)


def test_written_as_a_generation_config_they_are_read_again():
    wanted = GenerationSettings(temperature=0.5, top_k=0, no_repeat_ngram=2, min_new_tokens=3)
    assert GenerationSettings.for_model(wanted.as_generation_config()) == wanted
    assert GenerationSettings.for_model(GenerationSettings(temperature=0).as_generation_config()).greedy
