"""Readers of a run directory: strict to resume, tolerant for cards, and one answer for all."""

import json
import logging
import subprocess
import sys

import checkpoints
import pytest

from export.browser.page_facts import page_facts
from export.model_card import card
from tf_gpt2 import run_directory
from tf_gpt2.model_directory import load_config
from tf_gpt2.run_directory import read_generation_config, read_metrics, training_facts
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.metrics import MetricsLog

TRAIN = b'{"step": 10, "split": "train", "loss": 0.5}\n'
FIRST = b'{"step": 20, "split": "validation", "loss": 4.0}\n'
BEST = b'{"step": 40, "split": "validation", "loss": 3.0, "extra": 1}\n'
WORSE = b'{"step": 60, "split": "validation", "loss": 3.5}\n'
CASES = {
    "whole": (TRAIN + FIRST + BEST + WORSE, [10, 20, 40, 60]),
    "half-written last line": (TRAIN + FIRST + BEST + b'{"step": 60, "split": "validation", "lo', [10, 20, 40]),
    "damaged middle line": (TRAIN + FIRST + b'{"step": 30, "spl\xff\x00it"\n' + BEST, [10, 20, 40]),
    "NaN": (FIRST + b'{"step": 30, "split": "validation", "loss": NaN}\n' + BEST, [20, 40]),
    "infinity": (FIRST + b'{"step": 30, "split": "validation", "loss": -Infinity}\n' + BEST, [20, 40]),
    "a loss of text": (FIRST + b'{"step": 30, "split": "validation", "loss": "1.0"}\n' + BEST, [20, 40]),
    "a step of text": (b'{"step": "30", "split": "validation", "loss": 1.0}\n' + BEST, [40]),
    "a step of bool": (b'{"step": true, "split": "validation", "loss": 1.0}\n' + BEST, [40]),
    "a negative step": (b'{"step": -1, "split": "validation", "loss": 1.0}\n' + BEST, [40]),
    "null": (b'{"step": 30, "split": "validation", "loss": null}\n' + BEST, [40]),
    "null line": (b"null\n" + BEST + b"[]\n1\n", [40]),
    "no split": (b'{"step": 30, "loss": 1.0}\n' + BEST, [40]),
    "wrong figure": (b'{"step": 30, "split": "validation", "loss": 1.0, "x": [1]}\n' + BEST, [40]),
    "deep": (b"[" * 50_000 + b"\n" + BEST, [40]),
    "long number": (b'{"step": 30, "split": "validation", "loss": ' + b"1" * 9000 + b"}\n" + BEST, [40]),
    "big number": (b'{"step": 30, "split": "validation", "loss": 1' + b"0" * 400 + b"}\n" + BEST, [40]),
    "long line": (b"x" * 200_000 + b"\n" + BEST, [40]),
    "other line ends": (b'{"step": 5, "split": "\xe2\x80\xa8", "loss": 1.0}\r\n\r\n' + BEST, [5, 40]),
}


@pytest.fixture(scope="module")
def model():
    folder = checkpoints.FOLDER / "hugging_face"
    return load_config(folder), Tokenizer.load(folder)


@pytest.fixture
def run_dir(tmp_path):
    return checkpoints.copy("hugging_face", tmp_path)


@pytest.mark.parametrize(("content", "steps"), CASES.values(), ids=CASES)
def test_every_reader_of_the_metrics_gives_the_same_answer(run_dir, model, content, steps):
    (run_dir / "metrics.jsonl").write_bytes(content)
    metrics = read_metrics(run_dir)
    assert [line.step for line in metrics.lines] == steps
    assert (metrics.best_validation_loss, metrics.best_step) == (3.0, 40)
    assert page_facts(run_dir, *model, None)["validation_loss"] == 3.0
    assert "**3.0000 nats per token**, at step 40," in card(run_dir, *model, "float32")
    MetricsLog(run_dir, resumed_step=1000).close()
    kept = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_bytes().splitlines()]
    assert [line["step"] for line in kept] == steps
    assert read_metrics(run_dir) == metrics


@pytest.mark.parametrize("content", [None, b"", TRAIN, b"\xff\xfe", b'{"split": "validation"}'])
def test_without_a_validation_there_is_no_result(run_dir, model, content):
    if content is not None:
        (run_dir / "metrics.jsonl").write_bytes(content)
    assert read_metrics(run_dir).best_validation_loss is None
    assert page_facts(run_dir, *model, None)["validation_loss"] is None
    assert "nats" not in card(run_dir, *model, "float32")


def test_damage_is_said_once(run_dir, caplog):
    (run_dir / "metrics.jsonl").write_bytes(BEST + b"{\n{\n")
    with caplog.at_level(logging.WARNING):
        read_metrics(run_dir)
        read_metrics(run_dir)
    assert [record.getMessage() for record in caplog.records] == [
        f"{run_dir / 'metrics.jsonl'}: 2 damaged lines left out"
    ]


TRAINING = {
    "training": {"steps": "many", "batch_size": 16, "optimizer": None, "seed": 3},
    "corpus": {"books": ["三国演义", 7], "train_tokens": 565000, "prepared": "../../secret"},
    "init_from": 5,
    "later": {"unknown": 1},
}


def test_a_card_leaves_damaged_facts_out_and_shows_the_others(run_dir, model, caplog):
    (run_dir / "training.json").write_text(json.dumps(TRAINING))
    facts = training_facts(run_dir)
    assert (facts.training.batch_size, facts.training.seed, facts.corpus.train_tokens) == (16, 3, 565000)
    assert (facts.training.steps, facts.training.optimizer, facts.corpus.books) == (None, None, None)
    assert (facts.corpus.prepared, facts.init_from.folder) == (None, None)
    text = card(run_dir, *model, "float32")
    assert "565,000" in text and "16 sequences" in text and "steps" not in text and "None" not in text
    assert page_facts(run_dir, *model, None)["books"] == []
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 5
    assert any("training.steps must be a valid integer; received 'many'" in line for line in said)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"", b"[" * 100_000, b'{"\\ud800": 1}'])
def test_a_card_without_its_training_file_is_a_card(run_dir, model, content):
    (run_dir / "training.json").write_bytes(content)
    assert training_facts(run_dir).training.steps is None
    assert "12,160" in card(run_dir, *model, "float32")


def test_only_known_generation_settings_of_their_types_are_taken(tmp_path):
    assert read_generation_config(tmp_path) == {}
    (tmp_path / "generation_config.json").write_text(
        '{"temperature": NaN, "top_k": 50, "top_p": 2, "max_new_tokens": "9", "eos_token_id": [1, 2], '
        '"repetition_penalty": 1, "password": "secret", "do_sample": null}'
    )
    assert read_generation_config(tmp_path) == {"top_k": 50, "eos_token_id": [1, 2], "repetition_penalty": 1.0}


def test_long_values_are_cut_in_messages():
    assert len(run_directory.shown("x" * 10_000)) <= 60
    assert len(run_directory.shown(10**9000)) <= 60
    assert len(run_directory.shorten("x" * 10_000)) <= 500


def test_names_cost_no_import_of_pydantic_or_tensorflow():
    code = "import sys, tf_gpt2.run_directory, tf_gpt2.files; print({'pydantic', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
