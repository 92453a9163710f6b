"""The weights manifest is TensorFlow.js's own, byte for byte, and is written without TensorFlow.js."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from bundle_reader import read_arrays

from export.browser.weights_manifest import write_manifest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def some_arrays():
    generator = np.random.default_rng(0)
    return {
        "h.0.mlp/int8": generator.integers(-(2**31), 2**31, (64,), np.int32),
        "h.0.mlp/scale": generator.normal(size=(7,)).astype(np.float32),
        "transposed": np.asfortranarray(generator.normal(size=(5, 3)).astype(np.float32)),
        "wpe.weight": generator.normal(size=(4, 6)).astype(np.float16),
        "empty": np.zeros((0, 3), np.float32),
    }


@pytest.mark.parametrize("shard_bytes", [1, 37, 440, 1 << 20])
def test_every_array_comes_back(tmp_path, shard_bytes):
    arrays = some_arrays()
    total = sum(array.nbytes for array in arrays.values())
    paths = write_manifest(tmp_path, arrays, shard_bytes)
    sizes = [(tmp_path / path).stat().st_size for path in paths]
    assert sum(sizes) == total
    assert set(sizes[:-1]) <= {shard_bytes}
    assert 0 < sizes[-1] <= shard_bytes
    read = read_arrays(tmp_path)
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


def test_arrays_that_tensorflow_js_does_not_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'w'"):
        write_manifest(tmp_path, {"w": np.zeros(3)})
    with pytest.raises(ValueError, match="shard_bytes"):
        write_manifest(tmp_path, {}, 0)


def test_the_bundle_needs_no_tensorflowjs():
    code = (
        "import sys; sys.modules['tensorflowjs'] = None; import export.browser.bundle;"
        "sys.exit('tensorflow_decision_forests' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.tfjs
@pytest.mark.parametrize("shard_bytes", [37, 1 << 20])
def test_tensorflowjs_writes_the_same_files_and_reads_ours(tmp_path, shard_bytes):
    from export.browser.graph_model import import_tensorflowjs

    import_tensorflowjs()
    from tensorflowjs.read_weights import read_weights
    from tensorflowjs.write_weights import write_weights

    arrays = some_arrays()
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    write_manifest(ours, arrays, shard_bytes)
    group = [{"name": name, "data": array} for name, array in arrays.items()]
    manifest = write_weights([group], str(theirs), shard_bytes, quantization_dtype_map={"float16": ["wpe.weight"]})
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
    for path in ours.iterdir():
        assert path.read_bytes() == (theirs / path.name).read_bytes(), path.name
    for entry in read_weights(manifest, str(ours), flatten=True):
        np.testing.assert_array_equal(entry["data"], arrays[entry["name"]].astype(entry["data"].dtype))
