"""Chances of failing without a fault are stated; seeds are fixed, so a test that passes once passes always."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.dropout import Dropout, random_bits

RATE, SIZE = 0.1, (50, 20_000)
DEVIATION = (RATE * (1 - RATE) / np.prod(SIZE)) ** 0.5


def _dropped(layer, shape=SIZE):
    outputs = np.asarray(layer(np.ones(shape, np.float32), training=True))
    assert set(np.unique(outputs)) <= {0.0, np.float32(1 / (1 - RATE))}
    return outputs == 0


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_share_and_independence(seed):
    layer = Dropout(RATE, seed=seed)
    first, second = _dropped(layer), _dropped(layer)
    for dropped in (first, second):
        assert abs(dropped.mean() - RATE) < 5 * DEVIATION  # one in 1.7 million
    # Neighbours, rows, the next call, and the same call of a layer with the next seed.
    other = _dropped(Dropout(RATE, seed=seed + 1))
    pairs = [(first[:, 1:], first[:, :-1]), (first[1:], first[:-1]), (first, second), (first, other)]
    for one, another in pairs:
        both = (one & another).mean()
        assert abs(both - RATE**2) < 5 * (RATE**2 / one.size) ** 0.5  # the same


def test_bits_are_even():
    bits = np.asarray(random_bits(tf.cast(tf.range(1 << 16), tf.uint32), Dropout(RATE, seed=3).draw()))
    ones = ((bits[:, None] >> np.arange(32, dtype=np.uint32)) & 1).mean(0)
    assert np.abs(ones - 0.5).max() < 6 * 0.5 / 256  # 32 bits: one in 16 million
    counts = np.bincount(bits >> 24, minlength=256)
    assert ((counts - 256) ** 2 / 256).sum() < 255 + 6 * 510**0.5  # chi-squared, 255 degrees of freedom


def test_gradient_follows_the_mask_and_a_compiled_call_draws_the_same():
    x = tf.ones((4, 30))
    layer, compiled = Dropout(0.5, seed=5), Dropout(0.5, seed=5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)
    again = tf.function(lambda x: compiled(x, training=True), jit_compile=True)
    np.testing.assert_array_equal(again(x), y)
    assert not np.array_equal(again(x), y)  # a call later


def test_a_restored_seed_variable_draws_the_same():
    layer = Dropout(RATE, seed=7)
    _dropped(layer, (3, 100))
    state = np.array(layer.seed_generator.state.value)
    expected = _dropped(layer, (3, 100))
    restored = Dropout(RATE, seed=8)
    restored.seed_generator.state.assign(state)
    np.testing.assert_array_equal(_dropped(restored, (3, 100)), expected)


def test_identity_when_not_training_and_without_a_rate():
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(Dropout(RATE)(x, training=False), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)


def test_half_precision_and_unknown_lengths():
    inputs = keras.Input((None, 4), dtype="float16")
    model = keras.Model(inputs, Dropout(0.5, seed=1, dtype="float16")(inputs))
    outputs = np.asarray(model(np.ones((2, 5, 4), np.float16), training=True))
    assert outputs.dtype == np.float16
    assert set(np.unique(outputs)) == {0.0, 2.0}
