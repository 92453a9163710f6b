"""What follows from the results: how soon we reach the rival's loss, and how far below it we come with time.

A curve is a list of rows: tokens seen, seconds of steps, nats a held-out token.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.trials.corpora import BOOKS
from benchmarks.trials.plan import EQUAL_MINUTES, LONG, MINUTES, OURS, RIVAL, USUAL, Trial, best_of

Results = Mapping[str, Mapping[str, Any]]
Curve = Sequence[Sequence[float]]
# Twenty passages of two hundred tokens: one run of twenty characters is half a hundredth of them.
COPIED_ALLOWANCE = 0.01


def reached(curve: Curve, loss: float) -> float:
    """Tokens at the first validation that is no worse than a loss; infinite where none is."""
    return next((tokens for tokens, _, nats in curve if nats <= loss), math.inf)


def tokens_ratio(ours: Sequence[Curve], rival: Curve) -> float:
    """Tokens until the rival's best loss, as a share of what it took itself: the median over our seeds."""
    tokens, _, loss = min(rival, key=lambda row: row[2])
    return statistics.median(reached(curve, loss) for curve in ours) / tokens


def best_tokens_ratio(results: Results, books: str, rival: Mapping[str, Any]) -> float | None:
    """That of our recipe which reaches the rival's loss with the fewest tokens; None where none does."""
    by_recipe: dict[str, list[Curve]] = {}
    for result in results.values():
        if (result["books"], result["who"], result["group"]) == (books, OURS, MINUTES):
            by_recipe.setdefault(result["recipe"], []).append(result["curve"])
    least = min((tokens_ratio(curves, rival["curve"]) for curves in by_recipe.values()), default=math.inf)
    return least if math.isfinite(least) else None


def keys(results: Results, paces: Results) -> dict[str, Any]:
    """The figures that the benchmark is asked for; None where a trial or the pace is missing."""
    figures: dict[str, Any] = {}
    for books in EQUAL_MINUTES:
        rivals = {"": best_of(results, books, RIVAL, MINUTES), "untuned_": untuned(results, books)}
        for prefix, rival in rivals.items():
            tokens = best_tokens_ratio(results, books, rival) if rival else None
            pace = paces.get(books)
            figures[f"{books}_{prefix}tokens_ratio_to_nanogpt"] = tokens
            figures[f"{books}_{prefix}minutes_ratio_to_nanogpt"] = (
                None if tokens is None or pace is None else tokens * pace["seconds_ratio"]
            )
    for kind in ("tokens", "minutes"):
        figures[f"{kind}_ratio_to_nanogpt"] = _worst(
            [figures[f"{books}_{kind}_ratio_to_nanogpt"] for books in EQUAL_MINUTES]
        )
    return {**figures, "nats_below_nanogpt": nats_below(results), "seed_scatter": seed_scatter(results)}


def untuned(results: Results, books: str) -> Mapping[str, Any] | None:
    """The rival's result with its own settings."""
    return results.get(Trial(books, RIVAL, MINUTES, BOOKS[books].steps, 0, USUAL).name)


def nats_below(results: Results) -> float | None:
    """Nats a character by which our best is below the rival's best, among ours that copy no more than that one."""
    rival = best_of(results, "sample", RIVAL, MINUTES, LONG)
    if rival is None or rival["group"] != LONG:
        return None
    fit = [
        result["nats_per_character"]
        for result in results.values()
        if (result["books"], result["who"]) == ("sample", OURS)
        and result["copied_share"] <= rival["copied_share"] + COPIED_ALLOWANCE
    ]
    return rival["nats_per_character"] - min(fit) if fit else None


def seed_scatter(results: Results) -> float | None:
    """The largest difference in nats a token between trials that differ by their seeds alone."""
    by_recipe: dict[tuple, list[float]] = {}
    for result in results.values():
        key = (result["books"], result["who"], result["recipe"])
        by_recipe.setdefault(key, []).append(result["nats_per_token"])
    return max((max(losses) - min(losses) for losses in by_recipe.values() if len(losses) > 1), default=None)


def _worst(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


_COLUMNS = {
    "group": "for",
    "tokens": "tokens seen",
    "minutes": "minutes of steps",
    "nats_per_token": "nats a token",
    "nats_per_character": "nats a character",
    "copied_share": "copied share",
    "longest_copied_run": "longest copied run",
    "distinct_4": "distinct-4",
    "in_words_share": "in words of the book",
}


def table(results: Results) -> str:
    """All results in Markdown, the least loss of each corpus first."""
    ordered = sorted(results.items(), key=lambda item: (item[1]["books"], item[1]["nats_per_token"]))
    rows = [["trial", *_COLUMNS.values()], ["---"] * (len(_COLUMNS) + 1)]
    for name, result in ordered:
        minutes = {"minutes": result["seconds"] / 60}
        rows.append([name, *(_cell({**result, **minutes}.get(key)) for key in _COLUMNS)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 1000 else f"{value:.3f}"
