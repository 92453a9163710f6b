"""Attention in strips against the plain form: values, gradients and dropout's masks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.attention import after, attend_in_strips
from tf_gpt2.dropout import Draws, Dropout
from tf_gpt2.layers import CausalSelfAttention

WIDTH, HEADS = 16, 2


def _run(length, strip, rate, compiled, training=True):
    """Output, gradient of the input and of the weights of a layer, from the same seed whatever the form."""
    tf.keras.utils.set_random_seed(3)
    layer = CausalSelfAttention(HEADS, dropout=rate, output_init_stddev=0.3)
    layer.strip = strip
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(3, length, WIDTH)), tf.float32)
    wanted = tf.constant(rng.normal(size=(3, length, WIDTH)), tf.float32)
    layer.build(x.shape)
    layer.qkv_kernel.assign(rng.normal(size=(WIDTH, 3 * WIDTH)) * 0.4)  # scores that are far from even

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(y * wanted)
        return y, *tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])

    step = tf.function(step, jit_compile=True) if compiled else step
    step(x)
    return [np.asarray(part) for part in step(x)]  # the second call: other draws than the first


def _compare(strips, plain):
    for one, other in zip(strips, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, np.abs(other).max()))


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("strip", [3, 5, 40])
def test_strips_equal_the_plain_form(strip, rate):
    _compare(_run(12, strip, rate, compiled=True), _run(12, 0, rate, compiled=True))


def test_strips_without_a_compiler_and_without_training():
    for training in (True, False):
        plain = _run(7, 0, 0.3, compiled=False, training=training)
        strips = _run(7, 3, 0.3, compiled=False, training=training)
        _compare(strips, plain)


def test_dropout_is_there():
    """Else the tests above would compare nothing."""
    assert np.abs(_run(7, 4, 0.3, False)[0] - _run(7, 4, 0.0, False)[0]).max() > 0.1


def test_outputs_of_weights_come_from_the_plain_form():
    layer = CausalSelfAttention(HEADS)
    layer.strip = 2
    outputs, weights = layer(np.ones((1, 5, WIDTH), np.float32), return_attention=True)
    assert weights.shape == (1, HEADS, 5, 5)
    np.testing.assert_allclose(layer(np.ones((1, 5, WIDTH), np.float32)), outputs, atol=1e-6)


def test_after_changes_nothing():
    x = tf.constant([[1.5, -2.0]])
    np.testing.assert_array_equal(after(x, tf.constant([[7.0]])), x)


def test_recorded_draws_come_again_and_count_once():
    layer, alone = Dropout(0.5, seed=1), Dropout(0.5, seed=1)
    x = tf.ones((40,))
    inner, outer = Draws(), Draws()
    with outer.recorded():
        first = layer(x, training=True)
        with inner.recorded():
            second = layer(x, training=True)
    with outer.replayed():
        np.testing.assert_array_equal(layer(x, training=True), first)
        with Draws().recorded():  # what is computed again may note its draws again
            np.testing.assert_array_equal(layer(x, training=True), second)
    with inner.replayed():
        np.testing.assert_array_equal(layer(x, training=True), second)
    expected = [alone(x, training=True) for _ in range(3)]
    np.testing.assert_array_equal(first, expected[0])
    np.testing.assert_array_equal(second, expected[1])
    np.testing.assert_array_equal(layer(x, training=True), expected[2])


def test_weights_are_computed_again_and_not_kept():
    """Products of the compiled program: two a strip forward, five backward, the scores once more among them."""
    shape = (1, 2, 64, 8)

    @tf.function(jit_compile=True)
    def gradients(query, key, value):
        with tf.GradientTape() as tape:
            tape.watch((query, key, value))
            loss = tf.reduce_sum(attend_in_strips(query, key, value, 16) ** 2)
        return tape.gradient(loss, (query, key, value))

    inputs = [tf.random.normal(shape) for _ in range(3)]
    program = gradients.experimental_get_compiler_ir(*inputs)(stage="optimized_hlo")
    assert program.count(" dot(") == 4 * 7
    assert "64,64]" not in program.split("ENTRY")[1]
