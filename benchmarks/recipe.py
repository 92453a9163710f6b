"""Our recipe beside nanoGPT's on the same tokens: how soon its loss is reached, and how far below it we come.

    python -m benchmarks.recipe --list                      (trials and which are missing)
    python -m benchmarks.recipe [--minutes=60] [--only=sample/nanogpt]
    python -m benchmarks.recipe --demo --before=../before   (make demo's training in both checkouts)
    python -m benchmarks.recipe --pace [--only=sample]      (seconds a step of both, in turns; nothing else may run)
    python -m benchmarks.recipe --quick                     (half an hour: does a part agree with the committed?)
    python -m benchmarks.recipe --table

The rival's settings are swept one after the other (`STAGES` in benchmarks/trials/plan.py). Results go into a JSON
file after each trial; those that are there are not run again. Ours are trainings by the product's command, whose
runs stay in --work, so that a stopped one goes on. The last line of stdout is one JSON object: the figures, None
where a trial is missing, and how many are. Books: --classics is a folder with the four novels, --pride a text file.
"""

import argparse
import json
import pathlib
import sys
import time

from benchmarks.trials import demo, figures, pace
from benchmarks.trials.corpora import missing_of
from benchmarks.trials.plan import EQUAL_MINUTES, planned, tuned_settings
from benchmarks.trials.quick import QUICK, agreement
from benchmarks.trials.record import Record
from benchmarks.trials.running import Workshop, known_here, run
from benchmarks.workers import ROOT, peer_python

RECORD = ROOT / "docs" / "notes" / "recipe.json"


def main(argv=None):
    """Runs the benchmark; its exit code is 1 where --quick disagrees with the record."""
    options = _options(argv)
    record = Record(options.output)
    if options.list or options.table:
        print(_listing(record, options) if options.list else figures.table(record.results))
        return 0
    if options.quick:
        return _quick(record, options)
    shop = _workshop(options)
    if options.demo:
        for name, result in demo.run_both(options.before, options.demo_steps, shop).items():
            record.add(name, result)
    elif options.pace:
        _measure_paces(record, shop, options)
    else:
        _run_missing(record, shop, options)
    missing = [trial for trial in planned(record.results) if trial.name not in record.results]
    found = figures.keys(record.results, record.paces)
    print(json.dumps({"benchmark": "recipe", **found, "missing_trials": len(missing)}))
    return 0


def _run_missing(record, shop, options):
    """Trial after trial, the plan asked anew each time: what a sweep tries next follows from what it found."""
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        trial = next(_possible(record, options), None)
        if trial is None:
            return
        print(f"trial {trial.name}", file=sys.stderr, flush=True)
        record.add(trial.name, run(trial, shop))


def _measure_paces(record, shop, options):
    """Of every corpus that is asked for and there."""
    for name in EQUAL_MINUTES:
        if name.startswith(options.only or "") and missing_of(name, _places(options)) is None:
            record.add_pace(name, pace.in_turns(name, tuned_settings(record.results, name), shop))


def _possible(record, options):
    """Trials that are missing, asked for and possible here."""
    for trial in planned(record.results):
        wanted = options.only is None or trial.name.startswith(options.only)
        if wanted and trial.name not in record.results and _hindrance(trial, options) is None:
            yield trial


def _hindrance(trial, options):
    return missing_of(trial.books, _places(options)) or known_here(trial)


def _listing(record, options):
    def state(trial):
        if trial.name in record.results:
            return f"{record.results[trial.name]['nats_per_token']:.4f} nats a token"
        reason = _hindrance(trial, options)
        return f"missing: {reason}" if reason else "missing"

    return "\n".join(f"{trial.name}  {state(trial)}" for trial in planned(record.results))


def _quick(record, options):
    shop, fresh = _workshop(options), Record(options.work / f"quick-{int(time.time())}.json")
    by_name = {trial.name: trial for trial in planned(record.results)}
    for name in QUICK:
        print(f"trial {name}", file=sys.stderr, flush=True)
        fresh.add(name, run(by_name[name], shop))
    found = agreement(record.results, fresh.results)
    print(json.dumps({"benchmark": "recipe", "quick": True, **found}))
    return 0 if found["agrees"] else 1


def _workshop(options):
    options.work.mkdir(parents=True, exist_ok=True)
    work = options.work / f"quick-{int(time.time())}" if options.quick else options.work
    return Workshop(_places(options), work.resolve(), peer_python(options.peer_python))


def _places(options):
    return {"classics": options.classics, "pride": options.pride}


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="say which trials there are, and which are missing")
    what.add_argument("--table", action="store_true", help="print the results")
    what.add_argument("--quick", action="store_true", help="run a part again and compare it with the results")
    what.add_argument("--demo", action="store_true", help="make demo's training here and in --before")
    what.add_argument("--pace", action="store_true", help="time steps of both in turns")
    parser.add_argument("--only", help="trials, or corpora of --pace, whose names begin so")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no trial after so many")
    parser.add_argument("--classics", type=pathlib.Path, help="folder of the four classics")
    parser.add_argument("--pride", type=pathlib.Path, help="Pride and Prejudice as a text file")
    parser.add_argument(
        "--demo_steps", type=int, default=1060, help="steps of --demo: four minutes of a quiet machine"
    )
    parser.add_argument("--before", type=pathlib.Path, help="the other checkout of --demo")
    parser.add_argument("--output", type=pathlib.Path, default=RECORD, help="the results")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/recipe"), help="runs of ours")
    parser.add_argument("--peer_python", help="interpreter with PyTorch; default: that of .venv-peers, made once")
    options = parser.parse_args(argv)
    if options.demo and options.before is None:
        parser.error("--demo needs --before, the checkout to compare with")
    for name in ("classics", "pride"):
        place = getattr(options, name)
        setattr(options, name, place.resolve() if place else None)
    return options


if __name__ == "__main__":
    sys.exit(main())
