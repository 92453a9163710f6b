"""Processes that train together, through the command: what they give, how they end, the files to copy."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
from commands import ROOT, error_line, start

from tf_gpt2.run_directory import checkpoint_steps, read_metrics

STEPS = 50
TINY = (
    *(
        "--num_layers=1",
        "--num_heads=2",
        "--hidden_dim=16",
        "--context_length=16",
        "--batch_size=8",
        "--dropout=0.2",
    ),
    *("--log_every=1", "--sample_every=0", "--min_char_count=1", "--checkpoint_every=5", "--eval_every=25"),
    *("--nooriginality", f"--steps={STEPS}"),
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "book.txt"
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    picks = np.random.default_rng(0).integers(0, len(words), 3000)
    path.write_text("，".join(words[pick] for pick in picks), encoding="utf-8")
    return path


def _addresses(count):
    """Of ports below those that systems give to others, with the one 10,000 above free too."""
    addresses = []
    while len(addresses) < count:
        port = random.randrange(11_000, 20_000)
        with (
            contextlib.suppress(OSError),
            socket.create_server(("", port)),
            socket.create_server(("", port + 10_000)),
        ):
            addresses.append(f"127.0.0.1:{port}")
    return addresses


def _start_workers(book, run_dir, *flags, count=2, addresses=None, books=None, only=None, module=None, **options):
    addresses = addresses or _addresses(count)
    workers = []
    for index in range(count) if only is None else only:
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        corpus = (books or {}).get(index, book)
        workers.append(
            start(
                "tf_gpt2.train" if module is None else module.stem,
                *(f"--corpus={corpus}", f"--run_dir={run_dir}", "--wait_for_workers=100", *TINY, *flags),
                env={
                    **os.environ,
                    "TF_CONFIG": json.dumps(task),
                    "PYTHONPATH": str(module.parent if module else ROOT),
                },
                **(options if index == 0 else {}),
            )
        )
    return workers


def _ends(workers, timeout=240):
    """Exit code and what stood on stderr, of each."""
    return [(worker.communicate(timeout=timeout)[1], worker.returncode)[::-1] for worker in workers]


def _one_line_each(ends):
    """The line that all workers end with: one on each, and the same."""
    lines = set()
    for code, errors in ends:
        assert code == 2, errors
        assert "Traceback" not in errors
        own = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert len(own) == 1, errors
        lines.update(own)
    assert len(lines) == 1, lines
    return lines.pop()


def _losses(run_dir):
    return [(line.step, line.split, line.loss) for line in read_metrics(run_dir).lines]


def _assert_same_losses(run_dir, other):
    assert [line[:2] for line in _losses(run_dir)] == [line[:2] for line in _losses(other)]
    np.testing.assert_allclose(*([line[2] for line in _losses(place)] for place in (run_dir, other)), atol=1e-5)


def _train(book, run_dir, *flags):
    process = start("tf_gpt2.train", f"--corpus={book}", f"--run_dir={run_dir}", *TINY, *flags)
    _, errors = process.communicate(timeout=240)
    return process.returncode, errors


@pytest.fixture(scope="module")
def alone(book, tmp_path_factory):
    """The run of one process with one device."""
    run_dir = tmp_path_factory.mktemp("alone") / "run"
    code, errors = _train(book, run_dir)
    assert code == 0, errors
    return run_dir


@pytest.mark.slow
def test_two_workers_and_two_devices_train_as_one_process_does(book, alone, tmp_path):
    assert _train(book, tmp_path / "devices", "--devices=2")[0] == 0
    _assert_same_losses(tmp_path / "devices", alone)
    (code, errors), (other_code, other_errors) = _ends(_start_workers(book, tmp_path / "workers"))
    assert code == other_code == 0, errors
    assert "2 × CPU" in errors and other_errors == ""  # the chief alone tells
    _assert_same_losses(tmp_path / "workers", alone)
    assert checkpoint_steps(tmp_path / "workers" / "checkpoints") == checkpoint_steps(alone / "checkpoints")


def _wait_for_lines(workers, run_dir, count):
    deadline = time.monotonic() + 200
    while len(read_metrics(run_dir).lines) < count:
        assert time.monotonic() < deadline
        if any(worker.poll() is not None for worker in workers):
            return
        time.sleep(0.02)


@pytest.mark.slow
def test_ten_workers_killed_lose_nothing(book, alone, tmp_path):
    generator = random.Random(0)
    for _ in range(10):
        workers = _start_workers(book, tmp_path / "run")
        _wait_for_lines(workers, tmp_path / "run", len(read_metrics(tmp_path / "run").lines) + 1)
        time.sleep(generator.uniform(0, 0.3))
        victim = generator.randrange(2)
        workers[victim].kill()
        killed = time.monotonic()
        ends = _ends(workers)
        assert time.monotonic() - killed < 60
        if ends[1 - victim][0] != 0:  # else it was through
            assert f"worker {victim} (" in _one_line_each([ends[1 - victim]])
            assert "on any number of devices" in ends[1 - victim][1]
    _train(book, tmp_path / "run")  # on one device, if anything is left
    _assert_same_losses(tmp_path / "run", alone)


@pytest.mark.slow
def test_a_worker_that_hangs_ends_the_others(book, tmp_path):
    workers = _start_workers(book, tmp_path / "run", "--steps=100000")
    _wait_for_lines(workers, tmp_path / "run", 3)
    workers[1].send_signal(signal.SIGSTOP)
    try:
        line = _one_line_each(_ends(workers[:1], timeout=60))
        assert "worker 1 (" in line and "has not answered for 30 s" in line
    finally:
        workers[1].kill()
        workers[1].communicate()


@pytest.mark.slow
def test_a_worker_that_pauses_is_waited_for(book, alone, tmp_path):
    workers = _start_workers(book, tmp_path / "run")
    _wait_for_lines(workers, tmp_path / "run", 3)
    workers[1].send_signal(signal.SIGSTOP)
    time.sleep(15)  # TensorFlow's own patience is 10 s, that of team.py 30
    workers[1].send_signal(signal.SIGCONT)
    assert [code for code, _ in _ends(workers)] == [0, 0]
    _assert_same_losses(tmp_path / "run", alone)


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_and_is_gone_on_with(book, alone, tmp_path):
    workers = _start_workers(book, tmp_path / "run")
    _wait_for_lines(workers, tmp_path / "run", 3)
    workers[1].send_signal(signal.SIGTERM)
    ends = _ends(workers)
    assert [code for code, _ in ends] == [130, 130]
    assert "which is saved; the same command goes on from there" in ends[0][1]
    assert 3 <= checkpoint_steps(tmp_path / "run" / "checkpoints")[-1] < STEPS
    assert _train(book, tmp_path / "run", "--devices=2")[0] == 0
    _assert_same_losses(tmp_path / "run", alone)


SLOW_VALIDATION = """
import time
from tf_gpt2 import command, train
from tf_gpt2.training import interrupt, validation

interrupt.SECONDS_TO_MEET = 2.0
validation.Validation.loss = lambda self: time.sleep(100)
command.run(train.main)
"""


@pytest.mark.slow
@pytest.mark.parametrize("victims", [[1], [0, 1]])
def test_a_signal_amid_a_validation_that_takes_too_long_saves_on_the_chief(book, alone, tmp_path, victims):
    (tmp_path / "slow_validation.py").write_text(SLOW_VALIDATION)
    flags = ("--checkpoint_every=1000",)
    workers = _start_workers(book, tmp_path / "run", *flags, module=tmp_path / "slow_validation.py")
    _wait_for_lines(workers, tmp_path / "run", 25)
    time.sleep(1)
    for victim in victims:
        workers[victim].send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    ends = _ends(workers)
    assert time.monotonic() - signalled < 30  # when SLURM sends SIGKILL
    assert all(code in (2, 130) for code, _ in ends), ends
    if victims == [1]:
        line = _one_line_each(ends[:1])
        assert "worker 1 (" in line and "was told to end" in line and "goes on from step 25, which is saved" in line
    assert checkpoint_steps(tmp_path / "run" / "checkpoints") == [25]
    assert _train(book, tmp_path / "run", *flags)[0] == 0
    _assert_same_losses(tmp_path / "run", alone)


@pytest.mark.slow
def test_a_batch_that_the_workers_do_not_divide(book, tmp_path):
    line = _one_line_each(_ends(_start_workers(book, tmp_path / "run", "--batch_size=7")))
    assert (
        "--batch_size must be divisible among 2 devices, which make one batch together; received 7; take 8" in line
    )
    assert not (tmp_path / "run" / "training.json").exists()


@pytest.mark.slow
def test_a_corpus_that_differs(book, tmp_path):
    other = tmp_path / book.name
    other.write_text(book.read_text("utf-8") + "。", "utf-8")
    line = _one_line_each(_ends(_start_workers(book, tmp_path / "run", books={1: other})))
    assert "--corpus must be the same on every worker; worker 1 (127.0.0.1:" in line


@pytest.mark.slow
def test_a_worker_that_never_comes_and_a_port_in_use(book, tmp_path):
    workers = _start_workers(book, tmp_path / "run", "--wait_for_workers=6", count=3, only=(0, 2))
    assert "did not come within 6 s" in _one_line_each(_ends(workers))
    addresses = _addresses(2)
    with socket.create_server(("", int(addresses[1].rpartition(":")[2]))):
        line = _one_line_each(_ends(_start_workers(book, tmp_path / "run", addresses=addresses)))
    assert f"the port of {addresses[1]} must be free" in line


@pytest.mark.slow
def test_a_full_disk_on_the_chief(book, alone, tmp_path):
    most = max(path.stat().st_size for path in (alone / "checkpoints").iterdir()) // 2

    def shrink():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    ends = _ends(_start_workers(book, tmp_path / "run", preexec_fn=shrink))
    assert "cannot" in _one_line_each(ends)


def test_a_tf_config_that_lies_is_a_clear_line(book, tmp_path, monkeypatch):
    lie = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(lie))
    line = error_line("tf_gpt2.train", f"--corpus={book}", f"--run_dir={tmp_path / 'run'}")
    assert "the environment variable TF_CONFIG must name tasks of the types chief and worker; received 'ps'" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["train.sbatch", "two_machines.sh"])
def test_the_files_to_copy_are_sound_and_train(name, tmp_path):
    """bash reads them, and runs them with a stand-in for Python: TF_CONFIG and flags arrive as they should."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    path = ROOT / "docs" / "cluster" / name
    assert subprocess.run([bash, "-n", path], check=False).returncode == 0
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$TF_CONFIG"\necho "$@"\n')
    (tmp_path / "srun").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    for program in (python, tmp_path / "srun"):
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TF_GPT2_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run([bash, path, "1"], env=environment, capture_output=True, text=True, check=True)
    config, flags = done.stdout.splitlines()
    if name.endswith(".sh"):
        from tf_gpt2.training.distributed.cluster import cluster_from_environment

        assert cluster_from_environment({"TF_CONFIG": config}).index == 1
    from tf_gpt2 import train

    assert flags.startswith("-m tf_gpt2.train ")
    assert train._flags().parse(flags.split()[2:]).preset == "gpt2"
