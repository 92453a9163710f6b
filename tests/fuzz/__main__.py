"""Runs the cases and prints what came of them; ends in one JSON line on stdout.

python -m tests.fuzz --cases=2000 --formats=epub,csv --seed=1
python -m tests.fuzz --formats=epub --seed=1 --only=17 --keep=/tmp/case
"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import sys
import tempfile
import time

from .formats import FORMATS
from .shares import CLEAN, SHARE, run_here, run_share

_SHOWN_FAILURES = 50


def main(argv=None):
    """Runs the command; returns its exit code: 0 when every case was clean."""
    options = _options(argv)
    chosen = options.formats.split(",") if options.formats else list(FORMATS)
    if unknown := set(chosen) - set(FORMATS):
        raise SystemExit(f"error: formats must be of {', '.join(FORMATS)}; received {', '.join(sorted(unknown))}")
    if options.only is not None:
        return _run_one(FORMATS[chosen[0]], options)
    begun = time.monotonic()
    tasks = [
        (name, options.seed, first, options.cases) for name in chosen for first in range(0, options.cases, SHARE)
    ]
    counts, failures = {name: collections.Counter() for name in chosen}, []
    with _pool(options.jobs) as pool:
        for name, outcomes in pool.map(run_share, tasks):
            for number, kind, detail in outcomes:
                counts[name][kind] += 1
                if kind not in CLEAN:
                    failures.append(_failure(name, options.seed, number, kind, detail))
                    _tell_of(failures)
            print(f"{name}: {sum(counts[name].values())} of {options.cases}", file=sys.stderr)
    figures = {
        "cases": options.cases,
        "seed": options.seed,
        "seconds": round(time.monotonic() - begun, 1),
        "clean": sum(count[kind] for count in counts.values() for kind in CLEAN),
        "failed": len(failures),
        "formats": {name: dict(sorted(count.items())) for name, count in counts.items()},
        "failures": [{key: failure[key] for key in ("format", "case", "kind")} for failure in failures],
    }
    print(json.dumps(figures))
    return 1 if failures else 0


def _options(argv):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=200, help="cases a format")
    parser.add_argument("--formats", default="", help=f"some of {', '.join(FORMATS)}; default: all")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other cases")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--only", type=int, help="run this case of one format alone, here, unwatched")
    parser.add_argument("--keep", help="with --only: the folder to keep its files in")
    return parser.parse_args(argv)


def _pool(jobs):
    """A process a share: what one format imports must not weigh on the forks of another."""
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1)


def _failure(name, seed, number, kind, detail):
    command = f"python -m tests.fuzz --formats={name} --seed={seed} --only={number}"
    return {"format": name, "case": number, "kind": kind, "detail": detail, "reproduce": command}


def _tell_of(failures):
    failure = failures[-1]
    if len(failures) <= _SHOWN_FAILURES:
        shown = f"{failure['format']} {failure['kind']}: {failure['detail']}\n  {failure['reproduce']}"
        print(shown.encode("ascii", "backslashreplace").decode(), file=sys.stderr)


def _run_one(tried, options):
    """In this process, so that a debugger or a traceback shows the fault."""
    with tempfile.TemporaryDirectory() as place:
        run_here(tried, options.seed, options.only, options.keep or place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
