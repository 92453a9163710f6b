import pytest

from tf_gpt2.config import PRESETS, GPT2Config, preset_config
from tf_gpt2.errors import UserError


@pytest.mark.parametrize(
    ("preset", "vocabulary_size", "parameters"),
    [
        ("jinyong", 13_317, 81_894_144),
        ("gpt2", 50_257, 124_439_808),
        ("gpt2-medium", 50_257, 354_823_168),
        ("gpt2-large", 50_257, 774_030_080),
        ("gpt2-xl", 50_257, 1_557_611_200),
    ],
)
def test_presets_have_the_published_number_of_parameters(preset, vocabulary_size, parameters):
    assert preset_config(preset, vocabulary_size).num_parameters == parameters


def test_untied_head_counts_a_second_embedding():
    tied = preset_config("demo", 100)
    untied = preset_config("demo", 100, tie_embeddings=False)
    assert untied.num_parameters - tied.num_parameters == 100 * tied.hidden_dim


def test_flops_are_two_a_matrix_entry_and_two_products_of_attention():
    config = GPT2Config(vocabulary_size=7, context_length=5, num_layers=2, num_heads=1, hidden_dim=3)
    matrices = 2 * (3 * 9 + 3 * 3 + 3 * 12 + 12 * 3) + 7 * 3
    assert config.flops_per_token == 2 * matrices + 2 * 2 * 2 * 5 * 3


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary_size": 0},
        {"context_length": -1},
        {"num_layers": 10**9},
        {"num_heads": 5},
        {"hidden_dim": 10**12},
        {"dropout": 1.0},
        {"layer_norm_epsilon": 0.0},
        {"num_layers": "12"},
        {"num_layers": True},
        {"intermediate_dim": -4},
    ],
)
def test_impossible_shapes_are_refused_by_name(change):
    with pytest.raises(UserError, match=next(iter(change))):
        GPT2Config(**{"vocabulary_size": 100, **change})


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(UserError, match="jinyong") as error:
        preset_config("huge", 100)
    assert all(name in str(error.value) for name in PRESETS)
