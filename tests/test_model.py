import keras
import numpy as np
import numpy_gpt2
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config, preset_config
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import assign_weights, model_weights

CONFIG = GPT2Config(vocabulary_size=61, context_length=24, num_layers=3, num_heads=4, hidden_dim=32, dropout=0.2)


def _model(config, **kwargs):
    model = build_model(config, **kwargs)
    weights = random_weights(config)
    assign_weights(model, config, weights)
    return model, weights


def _relative_error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("tied", [True, False])
def test_logits_match_the_numpy_model_at_every_position(tied):
    config = GPT2Config(**{**CONFIG.__dict__, "tie_embeddings": tied})
    model, weights = _model(config)
    ids = np.random.default_rng(1).integers(0, config.vocabulary_size, (2, config.context_length))
    actual = np.asarray(model(ids))
    for row, sequence in zip(actual, ids, strict=True):
        expected, _ = numpy_gpt2.logits(weights, sequence, config)
        assert _relative_error(row, expected) < 1e-5


def test_freshly_initialised_logits_match_absolutely():
    keras.utils.set_random_seed(3)
    model = build_model(CONFIG)
    ids = np.random.default_rng(1).integers(0, CONFIG.vocabulary_size, CONFIG.context_length)
    expected, _ = numpy_gpt2.logits(model_weights(model, CONFIG), ids, CONFIG)
    np.testing.assert_allclose(np.asarray(model(ids[None]))[0], expected, atol=1e-5)


def test_attention_outputs_match_and_look_back_only():
    model, weights = _model(CONFIG, with_attention=True)
    ids = np.arange(10)
    outputs = model(ids[None])
    expected_logits, expected = numpy_gpt2.logits(weights, ids, CONFIG)
    assert _relative_error(np.asarray(outputs["logits"])[0], expected_logits) < 1e-5
    for index in range(CONFIG.num_layers):
        attention = np.asarray(outputs[f"attention_{index}"])[0]  # [H, T, T]
        np.testing.assert_allclose(attention, expected[index], atol=2e-6)
        assert np.all(np.triu(attention, 1) == 0)


@pytest.mark.parametrize("preset", ["demo", "jinyong", "gpt2"])
def test_built_presets_have_the_parameters_their_configuration_counts(preset):
    config = preset_config(preset, 13_317)
    assert build_model(config).count_params() == config.num_parameters


def test_dropout_acts_in_training_only():
    model, _ = _model(CONFIG)
    ids = np.arange(12)[None]
    assert np.array_equal(np.asarray(model(ids)), np.asarray(model(ids)))
    assert not np.allclose(np.asarray(model(ids, training=True)), np.asarray(model(ids, training=True)))


def test_matrices_begin_as_gpt2s():
    keras.utils.set_random_seed(0)
    config = preset_config("jinyong", 4000, num_layers=2)
    weights = model_weights(build_model(config), config)
    expected = {
        "wte.weight": 0.02,
        "h.1.attn.c_attn.weight": 0.02,  # the first block's and positions: test_initializers.py
        "h.1.mlp.c_fc.weight": 0.02,
        "h.0.attn.c_proj.weight": 0.02 / 2,
        "h.1.mlp.c_proj.weight": 0.02 / 2,
    }
    for name, stddev in expected.items():
        assert weights[name].std() == pytest.approx(stddev, rel=0.02), name
        assert abs(weights[name].mean()) < stddev / 50
    assert np.all(weights["h.0.ln_1.weight"] == 1)
    assert np.all(weights["h.0.attn.c_attn.bias"] == 0)


def test_keras_file_round_trips(tmp_path):
    model, _ = _model(CONFIG)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    ids = np.arange(20)[None]
    np.testing.assert_allclose(np.asarray(loaded(ids)), np.asarray(model(ids)), atol=1e-6)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


def test_layer_names_are_the_documented_ones():
    names = [layer.name for layer in build_model(CONFIG).layers]
    block = ("attention_norm", "attention", "attention_dropout", "mlp_norm", "mlp", "mlp_dropout")
    for expected in ("token_ids", "token_embedding", "position_embedding", "final_norm", "logits"):
        assert expected in names
    for index in range(CONFIG.num_layers):
        assert {f"block_{index}_{part}" for part in block} <= set(names)
