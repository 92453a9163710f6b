"""What a process inherits: a script starts in the background with Ctrl-C ignored, and that stays so."""

import os
import signal
import subprocess
import time

import pytest
from commands import run, start

from tf_gpt2.run_directory import checkpoint_steps, read_metrics

TINY = (
    *("--num_layers=1", "--num_heads=2", "--hidden_dim=16", "--context_length=16", "--batch_size=4"),
    *("--log_every=1", "--sample_every=0", "--min_char_count=1", "--checkpoint_every=1000"),
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "book.txt"
    path.write_text("却说曹操引兵，玄德大喜。孔明曰：诸将皆惊。\n" * 200, encoding="utf-8")
    return path


def _ignore(*numbers):
    def prepare():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def _train(book, run_dir, steps, **options):
    return start("tf_gpt2.train", f"--corpus={book}", f"--run_dir={run_dir}", f"--steps={steps}", *TINY, **options)


def _wait_for_a_step(process, run_dir):
    deadline = time.monotonic() + 200
    while not read_metrics(run_dir).lines:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def ignored_run(book, tmp_path_factory):
    """A training started with Ctrl-C and hang-up ignored, to which both came: (exit code, stderr, folder)."""
    run_dir = tmp_path_factory.mktemp("ignored") / "run"
    process = _train(book, run_dir, 60, preexec_fn=_ignore(signal.SIGINT, signal.SIGHUP))
    _wait_for_a_step(process, run_dir)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    _, errors = process.communicate(timeout=240)
    return process.returncode, errors, run_dir


def test_a_training_started_with_ctrl_c_ignored_goes_on_to_its_end(ignored_run):
    code, errors, run_dir = ignored_run
    assert code == 0 and "stopped" not in errors
    assert checkpoint_steps(run_dir / "checkpoints")[-1] == 60


def test_writing_started_with_ctrl_c_ignored_goes_on(ignored_run):
    flags = (f"--run_dir={ignored_run[2]}", "--stream", "--max_new_tokens=2000000", "--prompt=却说")
    process = start("tf_gpt2.sample", *flags, preexec_fn=_ignore(signal.SIGINT))
    process.stdout.read(3)
    process.send_signal(signal.SIGINT)
    assert len(process.stdout.read(200)) == 200 and process.poll() is None
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_ctrl_c_saves_a_checkpoint_when_the_reader_of_the_log_went_first(book, tmp_path):
    reading, writing = os.pipe()
    process = _train(book, tmp_path / "run", 100_000, stderr=writing)
    os.close(writing)
    _wait_for_a_step(process, tmp_path / "run")
    os.close(reading)  # as `2>&1 | tee log` at Ctrl-C
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=240)
    assert process.returncode == 130
    assert checkpoint_steps(tmp_path / "run" / "checkpoints")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_training_goes_on_when_its_log_takes_nothing_more(book, tmp_path):
    with open("/dev/full", "w") as full:
        process = _train(book, tmp_path / "run", 20, stderr=full, stdout=subprocess.DEVNULL)
        process.communicate(timeout=240)
    assert process.returncode == 0
    assert (tmp_path / "run" / "model.safetensors").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
@pytest.mark.parametrize("flags", [[], pytest.param(["--stream"], marks=pytest.mark.slow)])
def test_writing_to_a_full_device_is_one_line(ignored_run, flags):
    with open("/dev/full", "w") as full:
        code, _, errors = run(
            *("tf_gpt2.sample", f"--run_dir={ignored_run[2]}", "--prompt=却说", "--max_new_tokens=4", "--seed=1"),
            *flags,
            stdout=full,
        )
    assert code == 2
    assert errors.splitlines() == [
        "error: cannot write to the standard output: No space left on device; free space or send it elsewhere"
    ]
