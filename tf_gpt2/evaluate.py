"""Measures how well a model predicts a text it has not seen.

    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt
    python -m tf_gpt2.evaluate --run_dir=runs/demo,runs/other --corpus=held-out.txt     (a table)
    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt --report=report.html
    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt --checkpoints

The last line of stdout is one JSON object: nats (natural logarithm), bits and perplexity per token, character, byte
of UTF-8 and, in alphabets, word, for each book too; calibration, loss by position in the window, and all the
conventions. Figures per token do not compare models with different tokenizers. Of several models it has a list.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command
from tf_gpt2.evaluation.task_facts import TASKS


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _evaluate)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.evaluate", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.strings("run_dir", [], f"{command.MODEL_HELP} Several with commas give a table.", value="DIR,...")
    flags.strings("corpus", [], "Text to predict: files, folders or globs, separated by commas.", value="PATH,...")
    flags.group("Conventions")
    flags.integer(
        "stride",
        None,
        "Tokens from one window to the next. Smaller gives every token more to go by and takes longer. Default: "
        "half of the context.",
    )
    flags.choice(
        "task",
        None,
        list(TASKS),
        "A task of the GPT-2 paper; --corpus is its file as published, of a translation its two files.",
    )
    flags.boolean(
        "checkpoints",
        False,
        "A table of the checkpoints that the run keeps, and of its kept model.",
    )
    flags.string(
        "report",
        None,
        "Draw calibration, loss by position and loss by book into this file: .html, which needs nothing else, or "
        ".png.",
        value="FILE",
    )
    flags.boolean(
        "overlap",
        False,
        "Split the loss by what stands in the training text of the run (in runs of 20 characters, in alphabets 8 "
        "words) and what does not; needs its corpus in the cache.",
    )
    flags.group("Reading the text")
    flags.string("encoding", None, "Encoding of the files; recognised when not given.", value="NAME")
    flags.choice("script", None, ["simplified", "traditional"], "Convert Chinese text to this script first.")
    flags.string(
        "separator", None, "Line that parts the texts of a .txt or .md file; as in training.", value="LINE"
    )
    flags.string("text_field", None, "Field or column that holds the text; as in training.", value="NAME")
    return flags


def _evaluate(flags: command.Values) -> int:
    flags.demand("run_dir", "must name a model directory; received none. `make demo` makes runs/demo")
    flags.demand("corpus", "must name the text to predict; received none. Give files, folders or globs")
    if flags.task:
        return _run_task(flags)
    from tf_gpt2.evaluation.report import check_report, write_report

    if flags.report:
        if len(flags.run_dir) > 1 or flags.checkpoints:
            raise command.CommandError("--report draws one model; run it once for each")
        check_report(flags.report)
    found = _figures_of_checkpoints(flags) if flags.checkpoints else _figures(flags)
    _show_table(found)
    if flags.report:
        write_report(flags.report, found[0], flags.run_dir[0])
        command.message(f"the report is in {flags.report}")
    name = "checkpoints" if flags.checkpoints else "models"
    command.result(json.dumps(found[0] if len(found) == 1 else {name: found}, ensure_ascii=False))
    return 0


def _figures(flags: command.Values) -> list[dict]:
    """The figures of each model."""
    from tf_gpt2.evaluation.corpus_loss import evaluate_model
    from tf_gpt2.evaluation.originality import corpus_index
    from tf_gpt2.evaluation.originality_of_model import corpus_of_run

    found = []
    for run_dir in flags.run_dir:
        index = corpus_index(corpus_of_run(run_dir)) if flags.overlap else None
        found.append({"run_dir": run_dir, **evaluate_model(run_dir, flags.corpus, index=index, **_reading(flags))})
    return found


def _figures_of_checkpoints(flags: command.Values) -> list[dict]:
    """The figures of each checkpoint of a run, and of its kept model."""
    flags.refuse("checkpoints", ["overlap"], "it takes one model at a time")
    if len(flags.run_dir) > 1:
        raise command.CommandError("--checkpoints takes one run; run it once for each")
    from tf_gpt2.evaluation.checkpoints import evaluate_checkpoints

    run_dir = flags.run_dir[0]
    found = evaluate_checkpoints(run_dir, flags.corpus, command.message, **_reading(flags))
    return [{"run_dir": run_dir, **figures} for figures in found]


def _reading(flags: command.Values) -> dict:
    """How texts are read and windows laid, and who is told of it."""
    names = ("stride", "encoding", "script", "separator", "text_field")
    return {**{name: getattr(flags, name) for name in names}, "progress": _show_progress}


def _run_task(flags: command.Values) -> int:
    flags.refuse(
        "task",
        ["overlap", "checkpoints", "report", "encoding", "script", "separator", "text_field"],
        "its file is read as published",
    )
    if len(flags.run_dir) > 1:
        raise command.CommandError("--task takes one model; run it once for each")
    from tf_gpt2.evaluation.tasks import run_task
    from tf_gpt2.generation import load

    model = load(flags.run_dir[0])
    stride = flags.stride or max(1, model.config.context_length // 2)
    figures = run_task(model, flags.task, flags.corpus, stride)
    command.result(json.dumps({"run_dir": flags.run_dir[0], "task": flags.task, **figures}, ensure_ascii=False))
    return 0


def _show_table(found: list[dict]) -> None:
    """The models beside each other, in units that compare them."""
    units = [unit for unit in ("character", "byte", "word") if f"bits_per_{unit}" in found[0]]
    columns = ["nats_per_character", *(f"bits_per_{unit}" for unit in units)]  # the first is what training tells
    heads = [column.replace("_per_", "/") for column in columns]
    command.message("  ".join([*(f"{head:>14}" for head in heads), f"{'perplexity/token':>16}", "model"]))
    for figures in found:
        cells = [f"{figures[column]:14.4f}" for column in columns]
        command.message("  ".join([*cells, f"{figures['perplexity_per_token']:16.3f}", _name(figures)]))


def _name(figures: dict) -> str:
    """A model's directory; of a checkpoint its step."""
    if "step" not in figures:
        return figures["run_dir"]
    return "the kept model" if figures["step"] is None else f"step {figures['step']:,}"


def _show_progress(done: int, total: int, nats: float) -> None:
    bar = "#" * (30 * done // total)
    command.draw(f"[{bar:<30}] {done}/{total} tokens, {nats:.3f} nats", end="\n" if done == total else "")


if __name__ == "__main__":
    command.run(main)
