"""Files from strangers: bounds come before memory and time, and whatever a file holds is one short line."""

import json
import os
import resource
import subprocess
import sys

import checkpoints
import pytest
from commands import ROOT

from tf_gpt2.errors import UserError
from tf_gpt2.formats import detect
from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.tokenizer import Tokenizer

# As a command does; a second and a GiB suffice for what takes neither.
OPEN = """
import resource, sys
from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.tokenizer import Tokenizer
resource.setrlimit(resource.RLIMIT_CPU, (5 + int(resource.getrusage(resource.RUSAGE_SELF).ru_utime), 60))
try:
    config = load_config(sys.argv[1])
    Tokenizer.load(sys.argv[1])
    load_weights(sys.argv[1], config)
except ValueError as error:
    print(error)
try:
    print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
except OSError:
    print(0)
"""
TOKENIZER = {"model": {"type": "BPE", "vocab": {"<|endoftext|>": 0, "a": 1_000_000_000}, "merges": []}}


def _header(shape):
    text = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    return len(text).to_bytes(8, "little") + text + b"1234"


CONTENTS = {
    "an id of a billion": ("tokenizer.json", json.dumps(TOKENIZER).encode()),
    "an id of a billion in a vocabulary": ("vocab.json", b'{"<|endoftext|>": 0, "a": 1000000000}'),
    "many added tokens": ("added_tokens.json", json.dumps({f"<{i}>": 284 + i for i in range(50_000)}).encode()),
    "a shape of many numbers": ("model.safetensors", _header([9] * 300_000)),
    "numbers of many digits": ("model.safetensors", _header([int("9" * 4000)] * 200)),
    "deep nesting": ("config.json", b"[" * 1_000_000),
    "a number of many digits": ("config.json", b'{"n_layer": ' + b"9" * 900_000 + b"}"),
    "many lists": ("config.json", b'{"n_layer": [' + b"[]," * 300_000 + b"0]}"),
    "many merges": ("merges.txt", b"a b\n" * 250_000),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_megabyte_takes_seconds_and_little_memory(case, tmp_path):
    folder = checkpoints.copy("hugging_face", tmp_path)
    name, content = CONTENTS[case]
    assert len(content) <= 1_200_000
    (folder / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", OPEN, folder], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    *lines, most = done.stdout.splitlines()
    assert len(lines) <= 1 and all(len(line) <= 500 for line in lines) and not done.stderr
    assert int(most) < 1_000_000  # KiB


def _open(folder):
    config = load_config(folder)
    Tokenizer.load(folder)
    return load_weights(folder, config)


@pytest.mark.parametrize("place", ["zeros", "pipe", "folder", "loop"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hugging_face", "config.json"),
        ("hugging_face", "vocab.json"),
        ("hugging_face", "merges.txt"),
        ("hugging_face", "model.safetensors"),
        ("hugging_face_sharded", "tokenizer.json"),
        ("hugging_face_sharded", "model.safetensors.index.json"),
        ("gpt2_chinese", "vocab.txt"),
        ("openai", "hparams.json"),
        ("openai", "checkpoint"),
        ("keras_hub", "model.weights.h5"),
    ],
)
def test_what_is_no_file_is_not_read(tmp_path, name, file, place):
    folder = checkpoints.copy(name, tmp_path)
    path = folder / file
    path.unlink()
    if place == "zeros":
        path.symlink_to("/dev/zero")
    elif place == "pipe":
        os.mkfifo(path)
    elif place == "loop":
        path.symlink_to(path)
    else:
        path.mkdir()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if file == "checkpoint":  # without it the one model.ckpt.index counts
        assert len(_open(folder)) == 28
    else:
        with pytest.raises(UserError) as caught:
            _open(folder)
        assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 400_000


def test_long_names_are_short_lines(tmp_path):
    folder = checkpoints.copy("openai", tmp_path)
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{"m" * 5000}"\n')
    with pytest.raises(UserError, match=r"\.index is missing") as caught:
        _open(folder)
    assert len(str(caught.value)) <= 500
    folder = checkpoints.copy("hugging_face_sharded", tmp_path)
    index = folder / "model.safetensors.index.json"
    values = json.loads(index.read_text())
    name = next(iter(values["weight_map"]))
    index.write_text(json.dumps({"weight_map": {**values["weight_map"], name: f"{'m' * 5000}.safetensors"}}))
    with pytest.raises(UserError, match="in the same folder") as caught:
        _open(folder)
    assert len(str(caught.value)) <= 500
    with pytest.raises(UserError, match="is no directory"):
        detect.locate("x" * 5000)
