"""Measures how well a model predicts a text it has not seen.

    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt

The last line of stdout is one JSON object: nats (natural logarithm) and perplexity per token and per character, and
bits per byte of UTF-8; figures per token do not compare models with different tokenizers. Each book is a document
of its own: its first token is predicted from the end-of-text token, and predicting its end is not counted.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _evaluate)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.evaluate", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", None, command.MODEL_HELP, value="DIR")
    flags.strings("corpus", [], "Text to predict: files, folders or globs, separated by commas.", value="PATH,...")
    flags.group("Conventions")
    flags.integer(
        "stride",
        None,
        "Tokens from one window to the next. Smaller gives every token more to go by and takes longer. Default: "
        "half of the context.",
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
    from tf_gpt2.evaluation.corpus_loss import evaluate_model

    figures = evaluate_model(
        flags.run_dir,
        flags.corpus,
        stride=flags.stride,
        encoding=flags.encoding,
        script=flags.script,
        separator=flags.separator,
        text_field=flags.text_field,
        progress=_show_progress,
    )
    command.result(json.dumps({"run_dir": flags.run_dir, **figures}, ensure_ascii=False))
    return 0


def _show_progress(done: int, total: int, nats: float) -> None:
    bar = "#" * (30 * done // total)
    command.draw(f"[{bar:<30}] {done}/{total} tokens, {nats:.3f} nats", end="\n" if done == total else "")


if __name__ == "__main__":
    command.run(main)
