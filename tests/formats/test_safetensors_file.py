"""A header is believed only as far as the file bears it out."""

import json
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from tf_gpt2.errors import UserError
from tf_gpt2.formats.safetensors_file import read_header, require_float

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.float16([[1.5, -2.0]]),
    "c": np.float64([1e-3]),
}


@pytest.fixture
def path(tmp_path):
    safetensors.numpy.save_file(ARRAYS, tmp_path / "m.safetensors", {"format": "pt"})
    return tmp_path / "m.safetensors"


def _write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_tensors_are_read_as_float32(path):
    tensors = read_header(path)
    assert set(tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert tensors[name].read().dtype == np.float32
        np.testing.assert_array_equal(tensors[name].read(), array.astype(np.float32))


def test_bfloat16_is_widened_exactly(tmp_path):
    values = np.array([1.0, -3.140625, 1e-30, np.inf], ml_dtypes.bfloat16)
    _write(tmp_path / "m", {"x": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}, values.tobytes())
    np.testing.assert_array_equal(read_header(tmp_path / "m")["x"].read().ravel(), values.astype(np.float32))


def _entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"x": _entry([2], 0, 8)}, b"1234"),  # truncated
        ({"x": _entry([2], 0, 8)}, b"123456789"),  # more than it says
        ({"x": _entry([10**12], 0, 4 * 10**12)}, b"1234"),  # absurd
        ({"x": _entry([10**12], 0, 4)}, b"1234"),
        ({"x": _entry([2**62, 4], 0, 0)}, b""),
        ({"x": _entry([-1], 0, 4)}, b"1234"),
        ({"x": _entry([True], 0, 4)}, b"1234"),
        ({"x": _entry([1], -4, 0)}, b"1234"),
        ({"x": _entry([1], 0, 4), "y": _entry([1], 0, 4)}, b"1234"),  # overlap
        ({"x": _entry([1], 4, 8)}, b"12345678"),  # gap
        ({"x": _entry([1], 0, 4, "Q4")}, b"1234"),
        ({"x": {"dtype": "F32"}}, b""),
        ({"x": 5}, b""),
        ([], b""),
        (b'{"x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "x": 1}', b""),  # twice
        (b"[" * 100_000, b""),
        ({"x": _entry([9] * 200_000, 0, 4)}, b"1234"),  # a product of 190,000 digits
        ({"x" * 5000: _entry([2], 0, 4)}, b"1234"),
        (b"\xff\xfe", b""),
    ],
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(tmp_path, header, data):
    _write(tmp_path / "m", header, data)
    tracemalloc.start()
    with pytest.raises(UserError, match="damaged") as caught:
        read_header(tmp_path / "m")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500
    assert peak < 16 << 20


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"\xff" * 8, (10**9).to_bytes(8, "little") + b"{}"])
def test_a_file_without_a_header_is_refused(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_header(tmp_path / "m")


def test_every_truncation_and_every_flipped_header_byte_is_refused_or_harmless(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            read_header(path)
    generator = np.random.default_rng(0)
    for _ in range(300):
        spoiled = bytearray(whole)
        spoiled[generator.integers(0, 200)] = generator.integers(0, 256)
        path.write_bytes(spoiled)
        try:
            for tensor in read_header(path).values():
                tensor.read()
        except UserError:
            pass


def test_a_folder_in_its_place_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(UserError, match="is missing"):
        read_header(tmp_path)


def test_integers_are_no_weights(tmp_path):
    safetensors.numpy.save_file({"x": np.zeros(3, np.int8)}, tmp_path / "m")
    with pytest.raises(UserError, match="x must hold floating-point numbers.*I8"):
        require_float("m", "x", read_header(tmp_path / "m")["x"])
