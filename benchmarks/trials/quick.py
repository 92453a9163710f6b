"""A part of the trials, run again: does it agree with the record?"""

from collections.abc import Mapping
from typing import Any

from benchmarks.trials.corpora import BOOKS
from benchmarks.trials.figures import best_tokens_ratio
from benchmarks.trials.plan import MINUTES, OUR_SHARE, OURS, RIVAL, USUAL, Trial

_STEPS = BOOKS["sample"].steps
_THEIRS = Trial("sample", RIVAL, MINUTES, _STEPS, 0, USUAL).name
QUICK = (_THEIRS, Trial("sample", OURS, MINUTES, round(OUR_SHARE * _STEPS)).name)
# Seeds fix both rivals, but not the order of sums in a matrix product of several threads, nor another machine's.
NATS, RATIO = 0.03, 0.08


def agreement(recorded: Mapping[str, Mapping[str, Any]], fresh: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Differences of fresh results from those in the record.

    Returns:
        "agrees": whether losses differ by at most `NATS` a token and shares of tokens by at most `RATIO`;
        "missing": what the record has not; and the differences.
    """
    missing = [name for name in fresh if name not in recorded]
    nats = {
        name: result["nats_per_token"] - recorded[name]["nats_per_token"]
        for name, result in fresh.items()
        if name in recorded
    }
    now, before = (_tokens_ratio(results) for results in (fresh, {k: recorded[k] for k in fresh if k in recorded}))
    same_ratio = now == before or (now is not None and before is not None and abs(now - before) <= RATIO)
    agrees = not missing and same_ratio and all(abs(value) <= NATS for value in nats.values())
    return {"agrees": agrees, "missing": missing, "nats": nats, "tokens_ratio": now, "tokens_ratio_before": before}


def _tokens_ratio(results) -> float | None:
    rival = results.get(_THEIRS)
    return best_tokens_ratio(results, "sample", rival) if rival else None
