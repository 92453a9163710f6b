"""`make demo`'s training in this checkout and in another one, side by side on the same machine."""

import pathlib
import sys
import time
from typing import Any

from benchmarks.trials import passages
from benchmarks.trials.running import Workshop, commit, curve_of_run
from benchmarks.workers import ROOT, run_command
from tf_gpt2.evaluation.originality_of_model import corpus_of_run

NAME, BEFORE = "demo/this", "demo/before"


def run_both(before: pathlib.Path, shop: Workshop) -> dict[str, dict[str, Any]]:
    """Results of both by name; the other checkout trains with its own environment where it has one."""
    return {
        BEFORE: _run_demo(before.resolve(), shop.work / "demo_before"),
        NAME: _run_demo(ROOT, shop.work / "demo_this"),
    }


def _run_demo(folder: pathlib.Path, run_dir: pathlib.Path) -> dict[str, Any]:
    own = folder / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    begin = time.perf_counter()
    run_command([python, "-m", "tf_gpt2.train", f"--run_dir={run_dir.resolve()}"], folder)
    wall = time.perf_counter() - begin
    curve, prepared = curve_of_run(run_dir), corpus_of_run(run_dir)
    texts = passages.of_run(run_dir)
    loss = min(row[2] for row in curve)
    return {
        "books": "demo",
        "who": "ours",
        "group": "demo",
        "recipe": folder.name if folder != ROOT else "this",
        "seed": 0,
        "steps": None,
        "settings": {},
        "command": "python -m tf_gpt2.train",
        "commit": commit(folder),
        "nats_per_token": loss,
        "nats_per_character": loss * prepared.validation.targets / prepared.validation.characters,
        "tokens": curve[-1][0],
        "seconds": curve[-1][1],
        "wall_seconds": wall,
        **passages.judged(prepared, texts),
        "curve": curve,
    }
