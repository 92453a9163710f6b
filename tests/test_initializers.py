"""What a new GPT-2 begins with beside random matrices (those: test_model.py)."""

import numpy as np
import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.model import build_model


@pytest.mark.parametrize(("length", "width"), [(1, 1), (1, 8), (16, 7), (64, 192), (1024, 768)])
def test_positions_tell_how_far_apart_they_are(length, width):
    """Of two positions the product depends on their distance alone, and is largest for none."""
    config = GPT2Config(20, context_length=length, num_layers=1, num_heads=1, hidden_dim=width)
    positions = build_model(config).get_layer("position_embedding").embeddings.numpy()
    assert positions.shape == (length, width)
    assert np.isfinite(positions).all()
    if width % 2 == 0:
        products = positions @ positions.T
        for distance in range(length):
            np.testing.assert_allclose(np.diagonal(products, distance), products[0, distance], atol=1e-4)
        assert (products[0, 0] > products[0, 1:]).all()
        assert np.sqrt((positions**2).mean()) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("context_length", [32, 1024])
def test_the_first_heads_look_one_two_and_three_tokens_back(context_length):
    config = GPT2Config(300, context_length, num_layers=2, num_heads=4, hidden_dim=256, dropout=0.0)
    ids = np.random.default_rng(0).integers(0, 300, (4, 32))
    outputs = build_model(config, with_attention=True)(ids)
    weights = np.array(outputs["attention_0"])  # [B, H, T, T]
    for head in range(3):
        back = np.diagonal(weights[:, head], -(head + 1), axis1=1, axis2=2)
        assert back.mean() > 0.5, head
    for others in (weights[:, 3], np.array(outputs["attention_1"])):
        assert others[..., 16:, :].max() < 0.2


@pytest.mark.parametrize(("num_heads", "hidden_dim"), [(1, 1), (1, 2), (3, 3), (2, 6), (1, 5), (8, 8)])
def test_any_shape_begins_with_finite_numbers(num_heads, hidden_dim):
    for length in (1, 2, 5):
        model = build_model(GPT2Config(5, length, num_layers=1, num_heads=num_heads, hidden_dim=hidden_dim))
        assert np.isfinite(np.array(model(np.zeros((1, length), "int32")))).all()


def test_a_model_opens_again_from_its_keras_config():
    model = build_model(GPT2Config(20, context_length=8, num_layers=2, num_heads=2, hidden_dim=16))
    again = type(model).from_config(model.get_config())
    initializer = again.get_layer("block_0_attention").qkv_initializer
    assert (initializer.num_heads, initializer.context_length) == (2, 8)
