import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings


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
