"""`make demo`'s training in this checkout and in another one, side by side: at once, each on a core of its own.

One after the other they would meet another machine: what else runs here changes from minute to minute. By the clock
they would also get other numbers of steps, so both take as many.
"""

import os
import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.trials import passages
from benchmarks.trials.running import Workshop, commit, curve_of_run
from benchmarks.workers import ROOT, run_command
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.originality_of_model import corpus_of_run

NAME, BEFORE = "demo/this", "demo/before"


def run_both(before: pathlib.Path, steps: int, shop: Workshop) -> dict[str, dict[str, Any]]:
    """Results of both by name; the other checkout trains with its own environment where it has one.

    Raises:
        UserError: There are not two cores.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise UserError("--demo needs two cores, one for each of the two; this process may use one")
    places = ((before.resolve(), shop.work / "demo_before"), (ROOT, shop.work / "demo_this"))
    with ThreadPoolExecutor(2) as pool:
        seconds = list(pool.map(lambda place, core: _train(*place, steps, core), places, cores))
    return {
        name: _result(folder, run_dir, steps, wall)
        for name, (folder, run_dir), wall in zip((BEFORE, NAME), places, seconds, strict=True)
    }


def _train(folder: pathlib.Path, run_dir: pathlib.Path, steps: int, core: int) -> float:
    os.sched_setaffinity(0, {core})  # of this thread, and so of the process that it starts
    own = folder / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    begin = time.perf_counter()
    run_command([python, "-m", "tf_gpt2.train", f"--run_dir={run_dir.resolve()}", f"--steps={steps}"], folder)
    return time.perf_counter() - begin


def _result(folder: pathlib.Path, run_dir: pathlib.Path, steps: int, wall: float) -> dict[str, Any]:
    curve, prepared = curve_of_run(run_dir), corpus_of_run(run_dir)
    texts = passages.of_run(run_dir)
    loss = min(row[2] for row in curve)
    return {
        "books": "demo",
        "who": "ours",
        "group": "demo",
        "recipe": folder.name if folder != ROOT else "this",
        "seed": 0,
        "steps": steps,
        "settings": {},
        "command": f"python -m tf_gpt2.train --steps={steps}",
        "cpu_cores": 1,
        "commit": commit(folder),
        "nats_per_token": loss,
        "nats_per_character": loss * prepared.validation.targets / prepared.validation.characters,
        "tokens": curve[-1][0],
        "seconds": curve[-1][1],
        "wall_seconds": wall,
        **passages.judged(prepared, texts),
        "curve": curve,
    }
