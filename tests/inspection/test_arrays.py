"""What a file's arrays keep of their numbers."""

import numpy as np
import pytest
from packed_arrays import unpacked

from tf_gpt2.inspection import arrays

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(("dtype", "values"), [("int32", [0, -1, 2**31 - 1]), ("float32", [0.1, -1e30, np.nan])])
def test_plain_numbers_are_exact(dtype, values):
    array = np.array(values, dtype).reshape(1, 3)
    packed = arrays.plain(array, dtype)
    assert packed["shape"] == [1, 3] and packed["dtype"] == dtype and "form" not in packed
    np.testing.assert_array_equal(unpacked(packed).astype(dtype), array)


@pytest.mark.parametrize("bits", [10, 7, 6, 5, 4])
def test_floats_keep_as_many_bits_as_asked_for(bits):
    array = GENERATOR.normal(0, 10 ** GENERATOR.uniform(-3, 3, 5000)).astype(np.float32)
    error = np.abs(unpacked(arrays.floats(array, bits)) - array) / np.abs(array)
    within = np.abs(array) > 2**-14  # smaller ones float16 holds with fewer bits
    # Rounded twice, to float16 and then to fewer bits: a little more than half of the last bit's worth.
    assert error[within].max() <= 2 ** -(bits + 1) * (1 + 2.0 ** (bits - 10))
    assert error[within].max() > 2 ** -(bits + 3)


def test_fewer_bits_take_less_space():
    array = GENERATOR.normal(0, 1, 20_000)
    sizes = [len(arrays.floats(array, bits)["data"]) for bits in (10, 7, 6, 5, 4)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.65 * sizes[0]


@pytest.mark.parametrize("bits", [10, 7, 4])
def test_what_float16_cannot_hold_becomes_its_largest(bits):
    found = unpacked(arrays.floats(np.array([1e9, -1e9, 65504, -65504]), bits))
    assert np.isfinite(found).all() and (np.abs(found) == 65504).all() and found[1] < 0 < found[0]


@pytest.mark.parametrize(("dtype", "error"), [("uint16", 8e-6), ("uint8", 4e-3)])
def test_shares_are_kept_to_what_is_said(dtype, error):
    shares = np.concatenate([[0, 1, 1e-4], GENERATOR.random(1000)])
    found = unpacked(arrays.shares(shares, dtype))
    assert np.abs(found - shares).max() <= error and found[0] == 0 and found[1] == 1


def test_a_small_share_is_finer_in_a_byte_than_its_size_allows():
    assert unpacked(arrays.shares(np.array([0.0025]), "uint8"))[0] == pytest.approx(0.0025, rel=0.1)


def test_the_lower_triangle_goes_row_by_row():
    attention = np.arange(18).reshape(2, 3, 3)
    assert arrays.lower_triangle(attention).tolist() == [[0, 3, 4, 6, 7, 8], [9, 12, 13, 15, 16, 17]]
