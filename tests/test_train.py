import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from commands import call, error_line, run, start
from eager import eagerly

from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.run_directory import read_metrics

TINY = (
    "--num_layers=1",
    "--num_heads=2",
    "--hidden_dim=16",
    "--context_length=16",
    "--batch_size=4",
    "--dropout=0.1",
    "--eval_every=20",
    "--sample_every=0",
    "--log_every=1",
    "--min_char_count=1",
)


@pytest.fixture(scope="module")
def novel(tmp_path_factory):
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    picks = np.random.default_rng(0).integers(0, len(words), 900)
    path = tmp_path_factory.mktemp("corpus") / "novel.txt"
    path.write_text("，".join(words[pick] for pick in picks), encoding="utf-8")
    return path


def _command(novel, run_dir, *more):
    return ("tf_gpt2.train", f"--corpus={novel}", f"--run_dir={run_dir}", "--steps=40", *TINY, *more)


@pytest.fixture(scope="module")
def whole_run(novel, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    code, output, errors = run(*_command(novel, run_dir, "--checkpoint_every=7"))
    assert code == 0, errors
    assert output == ""
    assert "nats per character" in errors
    assert "bigram" in errors
    assert "test loss" not in errors  # a short corpus is not divided in three
    assert "before training:" in errors and "first steps: time 0:0" in errors
    return run_dir


@pytest.fixture
def eager_calls():
    """What the test calls in this process runs operation by operation; the runs in their own are compiled."""
    with eagerly():
        yield


def _losses(run_dir):
    return [(line.step, line.split, line.loss) for line in read_metrics(run_dir).lines]


def _wait_for_step(process, run_dir, step):
    deadline = time.time() + 200
    while time.time() < deadline:
        assert process.poll() is None, process.stderr.read()
        if (run_dir / "metrics.jsonl").exists():
            lines = read_metrics(run_dir).lines
            if lines and lines[-1].step >= step:
                return
        time.sleep(0.01)
    raise TimeoutError(step)


def test_a_run_directory_holds_what_is_documented(whole_run):
    expected = (
        "checkpoints config generation_config loss.html loss.png metrics.jsonl model.safetensors tensorboard "
        "tokenizer training"
    )
    assert {path.name.removesuffix(".json") for path in whole_run.iterdir()} == set(expected.split()) | {
        "tokenizer_config"
    }
    assert json.loads((whole_run / "training.json").read_text())["training"]["steps"] == 40


@pytest.mark.parametrize(
    "sent",
    [signal.SIGKILL, *(pytest.param(sent, marks=pytest.mark.slow) for sent in (signal.SIGINT, signal.SIGTERM))],
)
def test_a_killed_or_stopped_run_goes_on_bit_for_bit(novel, whole_run, tmp_path, sent):
    run_dir = tmp_path / "run"
    process = start(*_command(novel, run_dir, "--checkpoint_every=7"))
    _wait_for_step(process, run_dir, 10)
    os.kill(process.pid, sent)
    _, errors = process.communicate(timeout=60)
    if sent != signal.SIGKILL:
        assert process.returncode == 130
        assert "the same command goes on" in errors
    code, _, errors = run(*_command(novel, run_dir, "--checkpoint_every=7"))
    assert code == 0, errors
    assert "going on from step" in errors
    assert _losses(run_dir) == _losses(whole_run)
    assert (run_dir / "model.safetensors").read_bytes() == (whole_run / "model.safetensors").read_bytes()


def test_a_finished_run_or_another_configuration_is_left_alone(novel, whole_run):
    before = {path: path.stat().st_mtime_ns for path in whole_run.rglob("*")}
    assert "finished run" in error_line(*_command(novel, whole_run))
    assert "learning_rate" in error_line(*_command(novel, whole_run, "--learning_rate=0.5"))
    assert "--noresume" in error_line(*_command(novel, whole_run, "--noresume"))
    assert {path: path.stat().st_mtime_ns for path in whole_run.rglob("*")} == before


@pytest.mark.usefixtures("eager_calls")
def test_a_dry_run_says_what_would_be_trained_and_writes_nothing(novel, whole_run, tmp_path):
    code, output, errors = call(*_command(novel, tmp_path / "run", "--dry_run"))
    assert (code, output) == (0, ""), errors
    table = errors[errors.index("before training:") :]
    assert "40 steps of 4 x 16 tokens" in table and "s a step, after" in table
    assert "40 steps are few" in table and "--" in table and "`" not in table  # in the command's words
    assert not list(tmp_path.iterdir())
    before = {path: path.stat().st_mtime_ns for path in whole_run.rglob("*")}
    code, _, errors = call(*_command(novel, whole_run, "--steps=60", "--dry_run"))
    assert code == 0 and "60 steps (40 are done)" in errors
    assert "learning_rate" in error_line(*_command(novel, whole_run, "--learning_rate=0.5", "--dry_run"))
    assert {path: path.stat().st_mtime_ns for path in whole_run.rglob("*")} == before


def test_fine_tuning_starts_from_the_weights_and_the_tokenizer(novel, whole_run, tmp_path):
    text = tmp_path / "other.txt"
    text.write_text("赵云大喜，引兵而去。" * 60, encoding="utf-8")
    flags = ("--steps=3", "--batch_size=2", "--eval_every=1", f"--init_from={whole_run}", "--freeze_layers=1")
    code, _, errors = call("tf_gpt2.train", f"--corpus={text}", f"--run_dir={tmp_path / 'run'}", *flags)
    assert code == 0, errors
    assert (tmp_path / "run" / "tokenizer.json").read_text() == (whole_run / "tokenizer.json").read_text()


def test_a_finished_run_is_lengthened_and_goes_on(novel, whole_run, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(whole_run, run_dir)
    code, _, errors = call(*_command(novel, run_dir, "--checkpoint_every=7", "--steps=60"))
    assert code == 0, errors
    assert "the run had 40 steps and now has 60, of which 40 are done" in errors
    assert "going on from step 40" in errors
    assert _losses(run_dir)[: len(_losses(whole_run))] == _losses(whole_run)
    assert _losses(run_dir)[-1][0] == 60
    assert "finished run of 60 steps" in error_line(*_command(novel, run_dir, "--steps=60"))
    assert "60 are done" in error_line(*_command(novel, run_dir, "--steps=50"))


@pytest.mark.slow
def test_a_run_goes_on_in_another_precision_and_says_so(novel, whole_run, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(whole_run, run_dir)
    environment = json.loads((run_dir / "training.json").read_text("utf-8"))["environment"]
    assert (environment["precision"], environment["remat"]) == ("float32", "none")
    flags = ("--steps=44", "--precision=bfloat16", "--remat=blocks", "--accumulation_steps=1")
    code, _, errors = run(*_command(novel, run_dir, "--checkpoint_every=7", *flags))
    assert code == 0, errors
    assert "environment.precision is 'float32' there and 'bfloat16' here: speed and last digits" in errors
    assert "environment.remat is 'none' there and 'blocks' here" in errors
    assert "on CPU in bfloat16" in errors
    environment = json.loads((run_dir / "training.json").read_text("utf-8"))["environment"]
    assert (environment["precision"], environment["remat"]) == ("bfloat16", "blocks")
    losses = [loss for step, split, loss in _losses(run_dir) if split == "train"]
    assert len(losses) == 44
    assert max(losses[40:]) < losses[0]  # what it had learned is still there


@pytest.mark.usefixtures("eager_calls")
@pytest.mark.parametrize("lost", ["all", "weights"])
def test_a_run_without_its_model_directory_writes_from_its_checkpoint(whole_run, tmp_path, lost):
    """What a kill leaves is what a finished run has but the files that are written last."""
    run_dir = tmp_path / "run"
    shutil.copytree(whole_run, run_dir)
    for path in (*(run_dir.glob("*.json") if lost == "all" else ()), run_dir / "model.safetensors"):
        if path.name != "training.json":
            path.unlink()
    code, text, errors = call("tf_gpt2.sample", f"--run_dir={run_dir}", "--max_new_tokens=5", "--seed=1")
    assert code == 0, errors
    assert text.strip() and "from the checkpoint of step" in errors
    assert (run_dir / "model.safetensors").exists()


def test_damaged_weights_beside_whole_checkpoints_are_told_with_the_way_out(whole_run, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(whole_run, run_dir)
    weights, config = run_dir / "model.safetensors", load_config(run_dir)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"remove it, and the model of the checkpoint of step 40 takes its place"):
        load_weights(run_dir, config)
    weights.unlink()
    assert load_weights(run_dir, config)["wte.weight"].shape == (config.vocabulary_size, config.hidden_dim)


def test_two_trainings_do_not_share_a_run_directory(novel, tmp_path):
    process = start(*_command(novel, tmp_path / "run", "--steps=100000"))
    try:
        _wait_for_step(process, tmp_path / "run", 1)
        assert "another training writes there" in error_line(*_command(novel, tmp_path / "run", "--steps=100000"))
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.usefixtures("eager_calls")
def test_texts_too_short_to_hold_out_and_windows_shorter_than_the_context(tmp_path):
    text = tmp_path / "short.txt"
    text.write_text("赵云大喜。", encoding="utf-8")
    flags = [flag for flag in TINY if not flag.startswith("--eval_every")]
    flags += [f"--run_dir={tmp_path / 'run'}", "--steps=3", "--validation_fraction=0.01"]
    code, _, errors = call("tf_gpt2.train", f"--corpus={text}", *flags)
    assert code == 0, errors
    assert "trained without validation" in errors
    assert "fewer than the context of 16: it is trained on in windows of 5" in errors
    assert {line.split for line in read_metrics(tmp_path / "run").lines} == {"train"}
    assert (tmp_path / "run" / "model.safetensors").exists()


def _bytes(name, content):
    return lambda folder: (folder / name).write_bytes(content)


BAD_CORPORA = {
    "an empty folder": (lambda folder: None, "no"),
    "a binary file named .txt": (_bytes("a.txt", bytes(range(256)) * 40), "a.txt"),
    "an undecodable file": (_bytes("b.txt", "中文".encode() * 500 + b"\xff\xfe\xfa\x80"), "b.txt"),
    "a book without a word": (_bytes("c.txt", b" \n \n"), "c.txt"),
}


@pytest.mark.parametrize("case", BAD_CORPORA)
def test_a_bad_corpus_is_one_clear_line(tmp_path, case):
    make, named = BAD_CORPORA[case]
    folder = tmp_path / "corpus"
    folder.mkdir()
    make(folder)
    assert named in error_line("tf_gpt2.train", f"--corpus={folder}", f"--run_dir={tmp_path / 'run'}", "--steps=2")
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--preset=huge", "preset"),
        ("--learning_rate=-1", "learning_rate"),
        ("--learning_rate=fast", "learning_rate"),
        ("--num_heads=7", "num_heads"),
        ("--accumulation_steps=3", "accumulation_steps"),
        ("--precision=float16", "--precision"),
        ("--precision=int8", "precision"),
        ("--epochs=1", "--epochs"),
        ("--freeze_layers=1", "--init_from"),
        ("--init_from=nowhere", "nowhere"),
        ("--unknown=1", "unknown"),
        ("novel.txt", "novel.txt"),
        ("--dropout=2", "dropout"),
        ("--steps=0", "steps"),
    ],
)
def test_a_wrong_flag_is_named(novel, tmp_path, flag, named):
    code, output, errors = call("tf_gpt2.train", f"--corpus={novel}", f"--run_dir={tmp_path}", "--steps=5", flag)
    assert code != 0
    assert output == "" or named in output
    assert named in errors
    assert "Traceback" not in errors


def test_help_explains_every_flag():
    code, output, _ = run("tf_gpt2.train", "--help")
    assert "--corpus" in output
    assert "Your texts" in output
    assert code == 0
