"""The Keras model, which has no cache, is the oracle of both passes, at every position of a full context."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.generation import decoder
from tf_gpt2.generation.weights import for_gpu, to_arrays, to_tensors
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import assign_weights

BATCH = 3


# A context that fills whole blocks, one that does not, one shorter than a block, and one so long that attention
# goes over to reading the whole cache; tied and untied.
CASES = {"blocks": (128, True), "untied": (70, False), "short": (10, True), "long": (400, True)}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def case(request):
    context, tied = request.param
    config = GPT2Config(
        vocabulary_size=50, context_length=context, num_layers=2, num_heads=2, hidden_dim=8, tie_embeddings=tied
    )
    weights = random_weights(config)
    model = build_model(config)
    assign_weights(model, config, weights)
    ids = np.random.default_rng(1).integers(0, 50, (BATCH, context)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_gpt2.generation.weights.NUM_BLOCKS", 3)  # whatever this machine has
        tensors = to_tensors(weights)
    plain = {name: tf.constant(array) for name, array in weights.items()}
    return config, tensors._asdict() | {"plain": plain}, ids, model(ids).numpy()


@pytest.mark.parametrize("kind", ["whole", "plain"])
def test_parallel_pass_matches_keras(case, kind):
    config, weights, ids, expected = case
    weights = weights[kind]
    hidden, keys, _ = decoder.encode(weights, config, tf.constant(ids))
    result = decoder.logits(weights, config, tf.reshape(hidden, (-1, config.hidden_dim)))
    np.testing.assert_allclose(result.numpy().reshape(expected.shape), expected, atol=2e-5)
    assert keys[0].shape == (BATCH, config.num_heads, config.context_length, config.head_dim)


@pytest.mark.parametrize(
    ("jit_compile", "kind", "batch"),
    [
        (False, "plain", BATCH),
        (False, "split", BATCH),
        (True, "split", BATCH),
        (True, "split", 2),
        (True, "split", 1),
    ],
)
def test_cached_steps_match_keras_at_every_position(case, jit_compile, kind, batch):
    config, weights, ids, expected = case
    weights = weights[kind]
    shape = (batch, config.num_heads, decoder.cache_length(config), config.head_dim)

    @tf.function(jit_compile=jit_compile)
    def step(ids, positions, keys, values):
        hidden, keys, values = decoder.decode_step(weights, config, ids, positions, keys, values, jit_compile)
        return decoder.logits(weights, config, hidden), keys, values

    # What an earlier text left in the cache must not matter.
    keys, values = ([tf.fill(shape, 7.0) for _ in range(config.num_layers)] for _ in range(2))
    # Row r runs r positions behind, as rows with prompts of different lengths do.
    for position in range(config.context_length):
        places = np.maximum(position - np.arange(batch), 0)
        tokens = ids[np.arange(batch), places]
        result, keys, values = step(tf.constant(tokens), tf.constant(places, tf.int32), keys, values)
        np.testing.assert_allclose(result.numpy(), expected[np.arange(batch), places], atol=2e-5)


def test_matrices_in_half_precision_give_nearly_the_same(case):
    """As on a GPU, computed by the CPU: both passes, with XLA and without."""
    config, weights, ids, expected = case
    arrays = {name: tensor.numpy() for name, tensor in weights["plain"].items()}
    tensors = for_gpu(arrays, "float16")
    dtypes = {name: tensor.dtype.name for name, tensor in tensors.whole.items()}
    assert dtypes["wte.weight"] == dtypes["h.0.mlp.c_fc.weight"] == "float16"
    assert dtypes["wpe.weight"] == dtypes["ln_f.weight"] == dtypes["h.0.mlp.c_fc.bias"] == "float32"
    hidden, keys, _ = decoder.encode(tensors.whole, config, tf.constant(ids))
    assert hidden.dtype == keys[0].dtype == tf.float32
    result = decoder.logits(tensors.whole, config, tf.reshape(hidden, (-1, config.hidden_dim)))
    assert result.dtype == tf.float32
    error = np.abs(result.numpy().reshape(expected.shape) - expected)
    assert 0 < error.max() < 5e-3 * np.abs(expected).max()
    for name, array in to_arrays(tensors).items():
        np.testing.assert_allclose(array, arrays[name], rtol=1e-3, atol=1e-6)
        assert array.dtype == np.float32


def test_a_cached_step_in_half_precision(case):
    config, weights, ids, expected = case
    tensors = for_gpu({name: tensor.numpy() for name, tensor in weights["plain"].items()}, "float16")
    places = decoder.cache_length(config)
    cache = [tf.zeros((BATCH, config.num_heads, places, config.head_dim)) for _ in range(config.num_layers)]
    positions = tf.zeros(BATCH, tf.int32)
    hidden, *_ = decoder.decode_step(tensors.split, config, tf.constant(ids[:, 0]), positions, cache, cache, False)
    result = decoder.logits(tensors.split, config, hidden)
    np.testing.assert_allclose(result, expected[:, 0], atol=5e-3 * np.abs(expected).max())
