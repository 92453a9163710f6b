"""Measures how well a model predicts a text it has not seen.

    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt
    python -m tf_gpt2.evaluate --run_dir=runs/demo,runs/other --corpus=held-out.txt     (a table)

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
    from tf_gpt2.evaluation.corpus_loss import evaluate_model
    from tf_gpt2.evaluation.originality import corpus_index
    from tf_gpt2.evaluation.originality_of_model import corpus_of_run

    found = []
    for run_dir in flags.run_dir:
        figures = evaluate_model(
            run_dir,
            flags.corpus,
            stride=flags.stride,
            encoding=flags.encoding,
            script=flags.script,
            separator=flags.separator,
            text_field=flags.text_field,
            index=corpus_index(corpus_of_run(run_dir)) if flags.overlap else None,
            progress=_show_progress,
        )
        found.append({"run_dir": run_dir, **figures})
    if len(found) > 1:
        _show_table(found)
    command.result(json.dumps(found[0] if len(found) == 1 else {"models": found}, ensure_ascii=False))
    return 0


def _run_task(flags: command.Values) -> int:
    flags.refuse(
        "task", ["overlap", "encoding", "script", "separator", "text_field"], "its file is read as published"
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
    command.message("  ".join([*(f"{f'bits/{unit}':>14}" for unit in units), f"{'perplexity/token':>16}", "model"]))
    for figures in found:
        cells = [f"{figures[f'bits_per_{unit}']:14.4f}" for unit in units]
        command.message("  ".join([*cells, f"{figures['perplexity_per_token']:16.3f}", figures["run_dir"]]))


def _show_progress(done: int, total: int, nats: float) -> None:
    bar = "#" * (30 * done // total)
    command.draw(f"[{bar:<30}] {done}/{total} tokens, {nats:.3f} nats", end="\n" if done == total else "")


if __name__ == "__main__":
    command.run(main)
