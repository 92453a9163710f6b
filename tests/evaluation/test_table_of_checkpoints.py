"""The table of a run's checkpoints: each is the model that it was."""

import dataclasses

import pytest
from commands import call, error_line
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.checkpoints import evaluate_checkpoints
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.generation import TextGenerator
from tf_gpt2.run_directory import CHECKPOINTS
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train_characters(["却说曹操引军渡河。"])
CONFIG = GPT2Config(TOKENIZER.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8)
TEXT = "却说曹操引军渡河。" * 6


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def run_dir(request, tmp_path_factory):
    """A run with two checkpoints of different weights, the second one kept."""
    from tf_gpt2.model_directory import build_model_from
    from tf_gpt2.training.checkpoints import snapshot_checkpoint
    from tf_gpt2.training.gpt2 import GPT2Keeper
    from tf_gpt2.training.learner import Learner
    from tf_gpt2.training.settings import Recipe

    folder = tmp_path_factory.mktemp("run")
    config = dataclasses.replace(CONFIG, tie_embeddings=request.param)
    for step in (10, 20):
        model = build_model_from(config, random_weights(config, seed=step))
        keeper = GPT2Keeper(folder, model, config, TOKENIZER)
        variables = Learner(model, Recipe(batch_size=2)).variables
        snapshot_checkpoint(
            folder / CHECKPOINTS, step, variables, {"step": step}, keep=5, description=keeper.describe()
        )()
        keeper.save()
    (folder / "text.txt").write_text(TEXT, "utf-8")
    return folder, config


def test_each_checkpoint_has_the_figures_of_its_weights(run_dir):
    folder, config = run_dir
    found = evaluate_checkpoints(folder, folder / "text.txt", stride=8)
    assert [row["step"] for row in found] == [10, 20, None]
    for row, seed in zip(found, (10, 20, 20), strict=True):
        model = TextGenerator(config, random_weights(config, seed=seed), TOKENIZER, jit_compile=False)
        expected = evaluate(model, [TEXT], 8)["nats_per_token"]
        assert row["nats_per_token"] == pytest.approx(expected, rel=1e-6)
    assert found[0]["nats_per_token"] != pytest.approx(found[1]["nats_per_token"], rel=1e-3)


def test_the_command_shows_a_table_and_draws_a_report(run_dir, tmp_path):
    import json

    folder, config = run_dir
    if not config.tie_embeddings:
        pytest.skip("one kind of head is enough for a command")
    common = ("tf_gpt2.evaluate", f"--run_dir={folder}", f"--corpus={folder / 'text.txt'}")
    code, output, errors = call(*common, "--checkpoints")
    assert code == 0, errors
    assert [row["step"] for row in json.loads(output.splitlines()[-1])["checkpoints"]] == [10, 20, None]
    assert [line.split("  ")[-1].strip() for line in errors.splitlines()][-3:] == [
        "step 10",
        "step 20",
        "the kept model",
    ]
    code, output, errors = call(*common, f"--report={tmp_path / 'report.html'}")
    assert code == 0, errors
    assert str(folder) in (tmp_path / "report.html").read_text("utf-8")
    assert "--report must end in" in error_line(*common, "--report=x.pdf")
    assert "--report draws one model" in error_line(*common, "--report=x.png", "--checkpoints")


def test_a_run_without_checkpoints_is_told(run_dir, tmp_path):
    from tf_gpt2.model_directory import save_model_directory

    save_model_directory(tmp_path, CONFIG, random_weights(CONFIG), TOKENIZER)
    with pytest.raises(UserError, match="must be a run that keeps checkpoints"):
        evaluate_checkpoints(tmp_path, run_dir[0] / "text.txt")
