"""Training and writing speed of this checkout beside another one's, each in its own environment.

    python -m benchmarks.checkouts --other ../before [--rounds 5] [--cases demo,demo_muon,jinyong,generate]

For "did this change cost speed": the same workers as in `benchmarks.train` and `benchmarks.generate`, run from both
folders (each with its own `.venv`) in turns; a ratio above 1 says that this checkout is faster. The last line of
stdout is one JSON object.
"""

import argparse
import json
import os
import pathlib
import sys

from benchmarks.train import CASES, worker_arguments
from benchmarks.workers import ROOT, Worker, median, median_ratio

# question: the figure of its answer that counts
QUESTIONS = {"one": "tokens_per_s", "late": "tokens_per_s", "eight": "tokens_per_s", "prefill": "seconds"}


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=pathlib.Path, required=True, help="the checkout to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="demo,demo_muon,jinyong,generate")
    options = parser.parse_args(argv)
    figures = {"benchmark": "checkouts", "cpu_cores": os.cpu_count(), "rounds": options.rounds}
    for case in options.cases.split(","):
        if case == "generate":
            new = _compare(options, case, "benchmarks.generate_worker", (), QUESTIONS)
        else:
            arguments = sum(worker_arguments(*CASES[case]), [])
            new = _compare(options, case, "benchmarks.train_worker", arguments, {"go": "tokens_per_s"})
        print(new, file=sys.stderr, flush=True)
        figures |= new
    print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}))


def _compare(options, case, module, arguments, questions):
    """Figures of one kind of worker: this checkout's, the other's, and the median ratio of their turns."""
    folders = {"this": ROOT, "other": options.other.resolve()}
    workers = {
        name: Worker(str(folder / ".venv" / "bin" / "python"), module, *arguments, folder=folder)
        for name, folder in folders.items()
    }
    answers: dict = {}
    for _ in range(options.rounds):
        for question in questions:
            for name, worker in workers.items():
                answers.setdefault((question, name), []).append(worker.ask(question))
    figures = {f"{case}_{name}_compile_s": worker.ready["compile_s"] for name, worker in workers.items()}
    for question, key in questions.items():
        this, other = answers[question, "this"], answers[question, "other"]
        label = case if question == "go" else f"{case}_{question}"
        figures |= {f"{label}_this_{key}": median(this, key), f"{label}_other_{key}": median(other, key)}
        pair = (other, this) if key == "seconds" else (this, other)
        figures[f"{label}_ratio"] = median_ratio(*pair, key)
    for worker in workers.values():
        worker.close()
    return figures


if __name__ == "__main__":
    main()
