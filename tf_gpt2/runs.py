"""Lists and compares trainings.

    python -m tf_gpt2.runs                                        (those below runs/)
    python -m tf_gpt2.runs runs/mine runs/other --output=curves.html

The best validation loss comes first. Losses are in nats per token, which compare runs of one tokenizer on one
corpus.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command

_COLUMNS = (
    "name", "state", "parameters", "steps", "tokens", "time", "validation", "test", "copied",
)  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _runs)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.runs", __doc__ or "")
    flags.group("The usual flags")
    flags.strings(
        "run_dir",
        [],
        "Runs, or folders with runs; the flag's name may be left out. Default: runs.",
        value="DIR,...",
    )
    flags.take_unnamed("run_dir")
    flags.string(
        "output",
        None,
        "Draw the losses of all of them into this file: .html, which needs nothing else, or .png.",
        value="FILE",
    )
    flags.boolean("json", False, "Give one JSON object a run instead of a table.")
    return flags


def _runs(flags: command.Values) -> int:
    from tf_gpt2.evaluation.report import check_report
    from tf_gpt2.evaluation.runs import find_runs, run_facts, sorted_runs

    places = flags.run_dir or ["runs"]
    if flags.output:
        check_report(flags.output, "output")
    found = sorted_runs(map(run_facts, find_runs(places)))
    if not found:
        raise command.CommandError(f"--run_dir must hold runs; {', '.join(places)} has none; name another")
    if flags.output:
        from tf_gpt2.evaluation.curves import write_comparison

        write_comparison(flags.output, {str(run.run_dir): run.metrics for run in found})
    if flags.json:
        for run in found:
            command.result(json.dumps(run.figures(), ensure_ascii=False))
    else:
        command.result(_table(found))
        command.message("losses are nats a token: compare runs of one tokenizer on one text")
    return 0


def _table(found) -> str:
    """The runs below each other."""
    rows = [_COLUMNS, *map(_cells, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(_row(row, widths) for row in rows)


def _row(cells, widths) -> str:
    """The first two words to the left, numbers to the right."""
    words = [cell.ljust(width) for cell, width in zip(cells[:2], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()


def _cells(run) -> tuple[str, ...]:
    from tf_gpt2.training.progress import duration

    of = "" if run.planned_steps in (None, run.steps) else f"/{run.planned_steps:,}"
    return (
        str(run.run_dir),
        run.state,
        _number(run.parameters),
        f"{_number(run.steps)}{of}",
        _number(run.tokens),
        "-" if run.seconds is None else duration(run.seconds),
        _loss(run.validation_loss),
        _loss(run.test_loss),
        "-" if run.copied_share is None else f"{100 * run.copied_share:.1f} %",
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    command.run(main)
