"""Says how original a text is: what it copied from the corpus of its model, and from itself.

    python -m tf_gpt2.originality --run_dir=runs/demo                       (passages that the model writes now)
    python -m tf_gpt2.originality --run_dir=runs/demo --text_file=mine.txt

The last line of stdout is one JSON object: the longest run copied verbatim, the share of the text in copied runs
(of 20 characters, in alphabets 8 words, or more), the same share of the author's own held-out text, how varied the
text is, and every run with its book and place.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command

_SHOWN_RUNS = 10


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _measure)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.originality", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", None, "Run directory of tf_gpt2.train, whose corpus is searched.", value="DIR")
    flags.strings(
        "text_file",
        [],
        "Texts to measure: files, folders or globs. Without it the model writes some.",
        value="PATH,...",
    )
    flags.integer(
        "least", None, "Characters, in alphabets words, that make a run a copy. Default: 20, or 8.", least=1
    )
    flags.strings(
        "corpus",
        [],
        "Search these texts instead of the run's own corpus, which is found in the cache.",
        value="PATH,...",
    )
    flags.group("What the model writes")
    flags.string("prompt", "", "Beginning of each passage.")
    flags.integer("num_samples", 20, "Passages.", least=1)
    flags.integer("max_new_tokens", 200, "Tokens of a passage.", least=1)
    flags.integer("seed", 0, "Fixes what is written.")
    return flags


def _measure(flags: command.Values) -> int:
    flags.demand("run_dir", "must name a run directory; received none. `make demo` makes runs/demo")
    flags.refuse("text_file", ("prompt", "num_samples", "max_new_tokens", "seed"), "nothing is written then")
    from tf_gpt2.evaluation.originality_of_model import measure_originality

    figures = measure_originality(
        flags.run_dir,
        text_files=flags.text_file or None,
        corpus=flags.corpus or None,
        least=flags.least,
        prompt=flags.prompt,
        num_samples=flags.num_samples,
        max_new_tokens=flags.max_new_tokens,
        seed=flags.seed,
    )
    _show(figures)
    command.result(json.dumps({"run_dir": flags.run_dir, **figures}, ensure_ascii=False))
    return 0


def _show(figures: dict) -> None:
    baseline = figures["baseline_copied_share"]
    beside = "" if baseline is None else f"; of the author's held-out text {100 * baseline:.2f} %"
    unit = "words" if figures["unit"] == "words" else "characters"
    command.message(
        f"{figures['texts']} texts, {figures['characters']:,} characters: {100 * figures['copied_share']:.2f} % "
        f"stand in runs of {figures['least']} {unit} or more of the corpus{beside}"
    )
    for run in figures["runs"][:_SHOWN_RUNS]:
        command.message(
            f"  {run['length']} characters of text {run['text'] + 1}: {run['copied']!r}, in {run['book']} "
            f"at character {run['offset']:,}"
        )


if __name__ == "__main__":
    command.run(main)
