"""Random numbers that are a function of where they are used, not of what was drawn before.

Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.2;
reference implementation Random123): a block cipher without secrets, made of 32-bit additions, rotations and
exclusive ors, so that JavaScript draws the same numbers. docs/write.md has the scheme, and
tests/fixtures/random_vectors.json the test vectors.
"""

import tensorflow as tf

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_FLOAT_BITS = 24  # what a float32 in [0, 1) holds exactly


def _rotate_left(word, bits):
    left = tf.bitwise.left_shift(word, tf.constant(bits, tf.uint32))
    right = tf.bitwise.right_shift(word, tf.constant(32 - bits, tf.uint32))
    return tf.bitwise.bitwise_or(left, right)


def threefry(key: tuple[tf.Tensor, tf.Tensor], counter: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """The block function: two words of key and two of counter, uint32 of one broadcastable shape, to two words."""
    xor = tf.bitwise.bitwise_xor
    schedule = (key[0], key[1], xor(xor(key[0], key[1]), tf.constant(_PARITY, tf.uint32)))
    x, y = counter[0] + schedule[0], counter[1] + schedule[1]
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            x = x + y
            y = xor(_rotate_left(y, bits), x)
        x = x + schedule[(group + 1) % 3]
        y = y + schedule[(group + 2) % 3] + tf.constant(group + 1, tf.uint32)
    return x, y


def uniform(seed: tf.Tensor, stream: tf.Tensor, sample: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Uniform float32 numbers in [0, 1), multiples of 2**-24.

    Args:
        seed: The user's seed, uint32.
        stream: Which prompt of a list, uint32, from 0.
        sample: Which sample of that prompt, uint32, from 0.
        position: Which new token of that sample, uint32, from 0.

    Returns:
        Numbers of the arguments' broadcast shape: the upper 24 bits of the first word of
        threefry(key=(seed, stream), counter=(position, sample)).
    """
    word, _ = threefry((seed, stream), (position, sample))
    upper = tf.bitwise.right_shift(word, tf.constant(32 - _FLOAT_BITS, tf.uint32))
    # By way of int32: XLA and TensorFlow convert it to float32 everywhere, uint32 not.
    return tf.cast(tf.cast(upper, tf.int32), tf.float32) * 2.0**-_FLOAT_BITS
