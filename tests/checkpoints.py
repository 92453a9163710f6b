"""The checkpoints in fixtures/checkpoints, which fixtures/make_checkpoints.py made, and what they must give."""

import pathlib
import shutil

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "checkpoints"
FORMATS = (
    "hugging_face",
    "hugging_face_bare",
    "hugging_face_sharded",
    "gpt2_chinese",
    "openai",
    "keras_hub",
)
TOLERANCE = 1e-4


def copy(name, target):
    """A copy of a fixture that a test may spoil."""
    return pathlib.Path(shutil.copytree(FOLDER / name, target / name))


def expected(name):
    """What the original program gives: ids [T], logits [T, V], greedy [P + 50], prompt P, end."""
    return np.load(FOLDER / name / "expected.npz")


def check_logits(name, logits_of):
    """Compares logits at every position and the greedy continuation; returns the largest difference."""
    original = expected(name)
    difference = float(np.abs(logits_of(original["ids"]) - original["logits"]).max())
    assert difference <= TOLERANCE, (name, difference)
    prompt = int(original["prompt"])
    # Greedy continuation, all 50 steps at once: each id must be the best after those before it.
    best = logits_of(original["greedy"]).argmax(-1)
    np.testing.assert_array_equal(best[prompt - 1 : -1], original["greedy"][prompt:], err_msg=name)
    return difference
