"""The harness itself, and damaged files of every kind: forty in `make test`, two hundred in `make test-all`."""

import json
import os
import random
import subprocess
import sys
import time

import pytest
from commands import ROOT

from tf_gpt2.errors import UserError

if not sys.platform.startswith("linux"):
    pytest.skip("the watch over a case reads /proc", allow_module_level=True)

from . import watch
from .cases import judged
from .formats import FORMATS
from .json_mutation import mutate_json
from .mutation import LARGEST, mutate

FEW, MANY = 40, 200


@pytest.mark.parametrize("cases", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_damaged_files_of_every_kind_end_in_one_line_or_work(cases):
    command = [sys.executable, "-m", "tests.fuzz", f"--cases={cases}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["failures"] == [], done.stderr
    assert done.returncode == 0
    assert figures["formats"].keys() == FORMATS.keys()
    assert all(sum(counts.values()) == cases for counts in figures["formats"].values())
    # Damage that nothing notices would prove little; damage that always stops at the first check, as little.
    both = [name for name, counts in figures["formats"].items() if {"done", "refused"} <= set(counts)]
    assert {"txt", "jsonl", "epub", "hugging_face", "tokenizer", "run_directory"} <= set(both)


def test_the_same_seed_gives_the_same_damage():
    data = json.dumps({"a": [1, "b"], "c": {"d": None}}).encode()
    first, again = ([mutate(random.Random(n), "x.json", data) for n in range(50)] for _ in range(2))
    assert first == again and len(set(first)) > 40
    assert all(len(mutate(random.Random(n), "x.txt", data * 10_000)) <= LARGEST for n in range(50))
    assert mutate_json(random.Random(0), b"{") is None


def _faults():
    def raises():
        raise RuntimeError("\x1b[31m")

    def computes():
        while True:
            pass

    def takes():
        return ["done", str(len(bytearray(2 << 30)))]

    def grows():
        parts = []
        while True:
            parts.append(bytearray(1 << 24))

    return {
        "traceback": raises,
        "time": computes,
        "memory": takes,
        "memory ": grows,
        "signal": lambda: os.kill(os.getpid(), 9),
        "died": lambda: os._exit(3),
    }


@pytest.mark.parametrize("kind", _faults())
def test_the_watch_sees_every_kind_of_fault(kind, monkeypatch):
    if kind == "time":
        monkeypatch.setattr(watch, "SECONDS", 0.5)
    assert watch.watched(_faults()[kind])[0] == kind.strip()


def _says(error):
    def work(folder):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UserError("x must be y; received z"), "refused"),
        (UserError("x" * 10_000), "refused"),  # shortened by the command
        (MemoryError(), "shown"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), "shown"),
    ],
)
def test_what_is_clean(tmp_path, error, kind):
    assert watch.watched(lambda: judged(_says(error), tmp_path))[0] == kind


def test_what_is_shown_is_judged(tmp_path):
    def shows(text):
        def work(folder):
            sys.stdout.write(text)

        return watch.watched(lambda: judged(work, tmp_path))[0]

    assert [shows(text) for text in ("却说\n\t", "\x1b[2J", "\u202e", "\x9b")] == [
        "done",
        "shown",
        "shown",
        "shown",
    ]


def test_the_watch_ends_what_only_waits(monkeypatch):
    monkeypatch.setattr(watch, "WAITING_SECONDS", 0.2)
    assert watch.watched(lambda: time.sleep(60))[0] == "time"
    assert watch.watched(lambda: ["done", ""]) == ("done", "")
