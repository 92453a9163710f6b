"""The commands of docs/checkpoints.md, on small checkpoints in place of the large ones."""

import json
import re
import shlex

import checkpoints
import numpy as np
import pytest
from commands import ROOT, call, error_line

from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.recipes import fine_tuning_batch_size

COMMANDS = re.findall(
    r"^ {4}python -m (tf_gpt2\.train .*)$", (ROOT / "docs/checkpoints.md").read_text(), re.MULTILINE
)
QUICK = "gpt2_chinese"


def _source(command):
    return re.search(r"--init_from=models/(\w+)", command)[1]


@pytest.fixture(scope="module")
def novel(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "novel.txt"
    path.write_text("话说天下大势，分久必合，合久必分。\nIt was the best of times.\n" * 60, encoding="utf-8")
    return path


def _marks(command):
    return () if _source(command) == QUICK else (pytest.mark.slow,)


@pytest.mark.parametrize("command", [pytest.param(c, marks=_marks(c), id=_source(c)) for c in COMMANDS])
def test_a_command_of_the_guide_runs(command, novel, tmp_path):
    source = checkpoints.FOLDER / _source(command)
    flags = shlex.split(command)
    flags = [flag for flag in flags if not flag.startswith(("--init_from", "--corpus", "--run_dir"))]
    run_dir = tmp_path / "run"
    own = (f"--init_from={source}", f"--corpus={novel}", f"--run_dir={run_dir}", "--steps=3", "--eval_every=1")
    code, _, errors = call(*flags, *own)
    assert code == 0, errors
    settings = json.loads((run_dir / "training.json").read_text())["training"]
    assert (settings["learning_rate"], settings["batch_size"]) == (1e-4, 16)
    config = load_config(run_dir)
    before, after = load_weights(source, load_config(source)), load_weights(run_dir, config)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    frozen = ("w", "h.0.") if "--freeze_layers=1" in flags else ()
    assert changed == {name for name in before if not (frozen and name.startswith(frozen))}
    largest = max(float(np.abs(before[name] - after[name]).max()) for name in changed)
    assert largest < 2e-3  # three careful steps
    text = "话说天下\nIt was"
    assert Tokenizer.load(run_dir).encode(text).tolist() == Tokenizer.load(source).encode(text).tolist()


def test_the_guide_has_a_command_for_every_source():
    assert sorted(map(_source, COMMANDS)) == ["gpt2_chinese", "hugging_face", "keras_hub", "openai"]


def test_more_frozen_layers_than_there_are_is_one_clear_line(novel, tmp_path):
    source = checkpoints.FOLDER / "hugging_face"
    flags = (f"--init_from={source}", f"--corpus={novel}", f"--run_dir={tmp_path / 'run'}", "--freeze_layers=3")
    assert "--freeze_layers must be from 0 to 2" in error_line("tf_gpt2.train", *flags)


def test_longer_sequences_make_smaller_batches():
    assert [fine_tuning_batch_size(length) for length in (16, 128, 1024, 4096)] == [16, 16, 2, 1]
