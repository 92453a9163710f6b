"""`python -m tf_gpt2.evaluate`, as a user runs it."""

import json

import pytest
from commands import call, error_line, run
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer.train_characters(["却说曹操引军渡河"])
    config = GPT2Config(
        vocabulary_size=tokenizer.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8
    )
    save_model_directory(folder, config, random_weights(config), tokenizer)
    (folder / "one.txt").write_text("却说曹操引军渡河。" * 10, "utf-8")
    (folder / "two.txt").write_text("曹操x" * 10, "utf-8")
    return folder


def test_the_last_line_is_one_json_object(folder):
    code, output, errors = run(
        "tf_gpt2.evaluate", f"--run_dir={folder}", f"--corpus={folder / 'one.txt'},{folder / 'two.txt'}"
    )
    assert code == 0, errors
    figures = json.loads(output.splitlines()[-1])
    head, row = (line.split() for line in errors.splitlines())  # the same for a reader, nothing else
    assert float(row[head.index("nats/character")]) == pytest.approx(figures["nats_per_character"], abs=1e-4)
    assert (
        figures["run_dir"] == str(folder)
        and figures["books"] == 2
        and figures["stride"] == 8
        and figures["characters"] == 120
    )


@pytest.mark.parametrize(
    ("flag", "rule"),
    [
        ("--run_dir=", "--run_dir must"),
        ("--run_dir=/no/such/folder", "/no/such/folder"),
        ("--corpus=", "--corpus must name"),
        ("--stride=0", "--stride must be from 1 to the context length 16"),
        ("--stride=17", "--stride must be from 1 to the context length 16"),
        ("--corpus=/no/such/file.txt", "/no/such/file.txt"),
    ],
)
def test_mistakes_give_one_line(folder, flag, rule):
    assert rule in error_line("tf_gpt2.evaluate", f"--run_dir={folder}", f"--corpus={folder / 'one.txt'}", flag)


def test_several_models_give_a_table(folder):
    code, output, errors = call(
        "tf_gpt2.evaluate", f"--run_dir={folder},{folder}/", f"--corpus={folder / 'one.txt'}", "--stride=4"
    )
    assert code == 0, errors
    first, second = json.loads(output.splitlines()[-1])["models"]
    assert first["bits_per_byte"] == second["bits_per_byte"] and first["stride"] == 4
    table = [line for line in errors.splitlines() if line.endswith(str(folder))]
    assert len(table) == 1 and f"{first['bits_per_byte']:.4f}" in table[0]


def test_overlap_needs_the_corpus_of_the_run(folder):
    line = error_line("tf_gpt2.evaluate", f"--run_dir={folder}", f"--corpus={folder / 'one.txt'}", "--overlap")
    assert "must be a run of tf_gpt2.train" in line
