"""The counter-based generator, against published vectors and the vectors the browser replays."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.generation.random_numbers import threefry, uniform

VECTORS = json.loads((pathlib.Path(__file__).parent.parent / "fixtures" / "random_vectors.json").read_text())


def words(*values):
    return tuple(tf.constant(value, tf.uint32) for value in values)


# Random123 1.14, tests/kat_vectors, "threefry2x32 20".
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_matches_the_published_vectors(counter, key, expected):
    assert tuple(int(word) for word in threefry(words(*key), words(*counter))) == expected


@pytest.mark.parametrize("jit_compile", [False, True])
def test_uniform_matches_the_shared_vectors(jit_compile):
    columns = [[vector[name] for vector in VECTORS["uniform"]] for name in ("seed", "stream", "sample", "position")]
    arguments = [tf.constant(column, tf.uint32) for column in columns]
    numbers = tf.function(uniform, jit_compile=jit_compile)(*arguments).numpy()
    expected = np.array([vector["upper_24_bits"] for vector in VECTORS["uniform"]]) / 2**24
    np.testing.assert_array_equal(numbers, expected.astype(np.float32))


def test_uniform_is_in_range_and_even():
    numbers = uniform(*words(7, 0, 0), tf.cast(tf.range(100_000), tf.uint32)).numpy()
    assert numbers.min() >= 0 and numbers.max() < 1
    counts, _ = np.histogram(numbers, 100, (0, 1))
    # Chi-square with 99 degrees of freedom exceeds 180 once in a million seeds; this seed is fixed.
    assert ((counts - 1000) ** 2 / 1000).sum() < 180


def test_neighbouring_streams_are_unrelated():
    positions = tf.cast(tf.range(10_000), tf.uint32)
    base = uniform(*words(1, 0, 0), positions).numpy()
    for other in [(2, 0, 0), (1, 1, 0), (1, 0, 1)]:
        # The correlation of independent numbers has a standard deviation of 0.01 here.
        assert abs(np.corrcoef(base, uniform(*words(*other), positions).numpy())[0, 1]) < 0.05
