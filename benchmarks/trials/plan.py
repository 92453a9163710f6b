"""Which trials there are. The rival's settings are swept one after the other, so later ones follow from results."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.trials.corpora import BOOKS

OURS, RIVAL = "ours", "nanogpt"
CHECK, MINUTES, LONG = "check", "minutes", "long"
EQUAL_MINUTES = ("sample", "pride", "classics")  # corpora on which we are to be there sooner
# The rival's own settings, and the values that the sweep climbs along: each stage at the best of the ones before.
USUAL = {"learning_rate": 1e-3, "weight_decay": 0.1, "dropout": 0.0}
STAGES = (
    ("learning_rate", (5e-4, 1e-3, 2e-3, 4e-3)),
    ("weight_decay", (0.1, 0.3, 1.0)),
    ("dropout", (0.0, 0.1, 0.2)),
)
SEEDS = (0, 1, 2)
SEEDS_OF = {"classics": SEEDS[:1]}  # where a training takes long
STAGES_OF = {"classics": ()}  # its own settings there: what was tried beside them is in docs/notes/nanogpt.md
OUR_SHARE = 0.4  # of the rival's steps, which ours have
# With time: what a user types (an evening's steps, and those of each generation of thorough, are about an hour's on
# two cores), and both rivals in one shape and length; the rival ends where its validations rise.
EFFORTS = ((4000, "evening"), (4000, "thorough"))
LONG_STEPS, LONG_SHAPE = 4800, {"num_layers": 4, "hidden_dim": 256, "num_heads": 4}
LONG_BEGINNING = {"dropout": 0.1}  # several passes: without any it is known to turn early
LONG_STAGES = (("dropout", (0.0, 0.1, 0.2, 0.3)), ("weight_decay", (0.1, 0.3, 1.0)))


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        books: Key of `BOOKS`.
        who: `OURS` or `RIVAL`.
        group: What it is for: `CHECK`, `MINUTES` or `LONG`.
        steps: Steps of it; None leaves the length to `--effort`.
        seed: Of weights, order of the text and dropout.
        settings: What differs from the usual: options of `tf_gpt2.train`, or of the rival.
    """

    books: str
    who: str
    group: str
    steps: int | None
    seed: int = 0
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def recipe(self) -> str:
        """All but the seed, in one word: its length and what is unusual."""
        usual = USUAL if self.who == RIVAL else {}
        unusual = [f"{key}={value}" for key, value in sorted(self.settings.items()) if usual.get(key) != value]
        return "-".join([*([] if self.steps is None else [str(self.steps)]), *unusual])

    @property
    def name(self) -> str:
        """By which `--only` and the record know it."""
        return f"{self.books}/{self.who}/{self.recipe}/{self.seed}"


def planned(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Trial]:
    """All trials that can be named by now, each once.

    Args:
        results: What the record holds, by name.
    """
    seen = set()
    for trial in _every(results):
        if trial.name not in seen:
            seen.add(trial.name)
            yield trial


def _every(results):
    for seed in SEEDS[:2]:
        yield Trial("check", RIVAL, CHECK, BOOKS["check"].steps, seed, USUAL)
    for books in EQUAL_MINUTES:
        yield from _equal_minutes(books, results)
    yield from _with_time(results)


def _equal_minutes(books, results):
    steps = BOOKS[books].steps
    yield Trial(books, OURS, MINUTES, round(OUR_SHARE * steps))
    yield Trial(books, RIVAL, MINUTES, steps, 0, USUAL)
    first = Trial(books, RIVAL, MINUTES, steps, 0, USUAL)
    found = yield from _sweep(first, STAGES_OF.get(books, STAGES), results)
    if found is not None:
        seeds = SEEDS_OF.get(books, SEEDS)
        yield from (dataclasses.replace(found, seed=seed) for seed in seeds)
        yield from (Trial(books, OURS, MINUTES, round(OUR_SHARE * steps), seed) for seed in seeds)


def _with_time(results):
    for steps, effort in EFFORTS:
        yield Trial("sample", OURS, LONG, steps, 0, {"effort": effort, "preset": "auto"})
    yield Trial("sample", OURS, LONG, LONG_STEPS, 0, LONG_SHAPE)
    tuned = tuned_settings(results, "sample")
    first = Trial("sample", RIVAL, LONG, LONG_STEPS, 0, {**tuned, **LONG_SHAPE, **LONG_BEGINNING})
    yield from _sweep(first, LONG_STAGES, results)


def _sweep(first: Trial, stages, results):
    """The trials of stage after stage; a stage begins when the one before is through. Returns the best."""
    best = first
    for key, values in stages:
        best = yield from _climb(best, key, values, results)
        if best is None:
            return None
    return best


def _climb(first: Trial, key: str, values, results):
    """From the first's value on upwards, and where that does not help downwards, as long as the loss falls.

    Values beyond one that was worse are not tried. Returns the best, or None while a trial is missing.
    """
    best, at = first, values.index(first.settings[key])
    yield first
    for further in (values[at + 1 :], values[:at][::-1]):
        for value in further:
            trial = dataclasses.replace(first, settings={**first.settings, key: value})
            yield trial
            if best.name not in results or trial.name not in results:
                return None
            if results[trial.name]["nats_per_token"] >= results[best.name]["nats_per_token"]:
                break
            best = trial
        if best is not first:
            break
    return best if best.name in results else None


def tuned_settings(results: Mapping[str, Mapping[str, Any]], books: str) -> Mapping[str, Any]:
    """The rival's settings that are best by now on a corpus; its own before any was tried."""
    best = best_of(results, books, RIVAL, MINUTES)
    return {key: best["settings"][key] for key in USUAL} if best else USUAL


def best_of(results: Mapping[str, Mapping[str, Any]], books: str, who: str, *groups: str) -> Mapping | None:
    """The result of least loss among trials of some groups; for equal minutes, of the full length alone."""
    fit = [
        result
        for result in results.values()
        if (result["books"], result["who"]) == (books, who)
        and result["group"] in groups
        and (result["group"] != MINUTES or result["steps"] == BOOKS[books].steps)
    ]
    return min(fit, key=lambda result: result["nats_per_token"], default=None)
