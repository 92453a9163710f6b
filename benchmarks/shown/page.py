"""The sections of docs/results.md, in Markdown."""

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.shown.books import LSTM
from benchmarks.shown.copying import BEGINNING, began_at
from benchmarks.shown.samples import RULE, Sample, beginning
from tf_gpt2.evaluation.runs import RunFacts

_HEAD = """# What comes out

Made by one command, which anyone can run again on runs of their own; no figure and no sample is put in by hand:

    python -m benchmarks.results {flags}

Losses are nats on text that was never trained on; lower is better. Minutes are by the clock, whatever else the
machine computed meanwhile.

{rule}
"""
_WIDTH = 116
_ABOUT_LSTM = "The LSTM is the earlier article's, trained by `python -m benchmarks.lstm_baseline --only=lstm`."
_FIGURE = "nats a character"


@dataclasses.dataclass(frozen=True)
class RunShown:
    """All that the document says of a run.

    Attributes:
        name: Of its directory.
        facts: What it came to.
        training: Its training.json.
        books: Characters held out of each book, and losses of each model.
        copied: What was copied at each validation.
        repeated_by_author: Share of the held-out text that stands in the training text.
        samples: Passages by what they are shown for.
        pictures: Paths from the document, by what they show.
        command: How it was trained; empty where nobody said.
    """

    name: str
    facts: RunFacts
    training: Any
    books: Mapping[str, tuple[int, Mapping[str, float]]]
    copied: Sequence[Mapping[str, Any]]
    repeated_by_author: float | None
    samples: Mapping[str, Sample]
    pictures: Mapping[str, str]
    command: str = ""


def page_text(runs: Sequence[RunShown]) -> str:
    """The whole document."""
    flags = " ".join(f"--run_dir=runs/{run.name}" for run in runs)
    rule = textwrap.fill(RULE, _WIDTH)
    return "\n".join([_HEAD.format(flags=flags, rule=rule), *map(section, runs)])


def section(run: RunShown) -> str:
    """What it says of one run."""
    parts = [f"## {_title(run)}", _facts(run), _picture(run, "loss", "the losses by step"), _books(run)]
    parts += [_copying(run), _samples(run), _picture(run, "page", "the page made from it, at a phone's width")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(run: RunShown) -> str:
    titles = list(run.books)
    return ", ".join(titles[:4]) + (f" and {len(titles) - 4} more" if len(titles) > 4 else "")


def _facts(run: RunShown) -> str:
    model, training, facts = run.training.model, run.training.training, run.facts
    shape = (
        f"{model.num_layers} layers × {model.hidden_dim}, {model.num_heads} heads, context {model.context_length}"
    )
    rows = {
        "shape": f"{shape}; {_count(facts.parameters)} parameters, vocabulary {_count(model.vocabulary_size)}",
        "trained": f"{_count(facts.steps)} steps of {_count(training.batch_size)} sequences, "
        f"{_count(facts.tokens)} tokens, {_minutes(facts.seconds)} of steps",
        "validation": f"{_number(facts.validation_loss)} nats a token at step {_count(facts.metrics.best_step)}",
        "test (no decision read it)": f"{_number(facts.test_loss)} nats a token",
    }
    if run.command:
        rows = {"command": f"`{run.command}`", **rows}
    return _table(["", f"`runs/{run.name}`"], rows.items())


def _books(run: RunShown) -> str:
    names = list(next(iter(run.books.values()))[1])
    rows = [
        [title, f"{characters:,}", *(_number(losses[name]) for name in names)]
        for title, (characters, losses) in run.books.items()
    ]
    table = _table(["held-out text of", "characters", *(f"{name}, {_FIGURE}" for name in names)], rows)
    return f"{table}\n\n{_ABOUT_LSTM}" if any(name.startswith(LSTM) for name in names) else table


def _copying(run: RunShown) -> str:
    if not run.copied:
        return ""
    begin, last = began_at(run.copied), run.copied[-1]
    least = f"more than {100 * BEGINNING:.0f} %"
    said = f"at no step did it begin (it has begun where each validation from there on has {least})"
    said = said if begin is None else f"from step {begin:,} on it was {least}"
    author = ""
    if run.repeated_by_author is not None:
        author = f" Of the author's held-out text {100 * run.repeated_by_author:.1f} % stand in the training text."
    text = (
        f"Copied from the training text, in eight passages at each validation: {said}; in the end "
        f"{100 * last['copied_share']:.1f} %, the longest run {last['longest_copied_run']:.0f} characters.{author}"
    )
    return "\n\n".join(
        filter(None, [textwrap.fill(text, _WIDTH), _picture(run, "copying", "copied share by step")])
    )


def _samples(run: RunShown) -> str:
    return "\n\n".join(
        f"**{kind}** (score {sample.score:.2f}, {100 * sample.copied_share:.0f} % copied"
        + (f", longest run {sample.longest_copied_run}" if sample.copied_share else "")
        + f"):\n\n> {beginning(sample.text)}"
        for kind, sample in run.samples.items()
    )


def _picture(run: RunShown, kind: str, what: str) -> str:
    return f"![{run.name}: {what}]({run.pictures[kind]})" if kind in run.pictures else ""


def _table(head, rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"


def _minutes(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds / 60:.1f} minutes"
