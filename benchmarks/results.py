"""Makes docs/results.md from finished runs: curves, tables by book, originality, samples, pictures of the page.

    python -m benchmarks.results --run_dir=runs/demo [--lstm=runs/lstm_baseline/lstm] [--output=docs/results.md]

Several runs: name --run_dir several times, and --command, --lstm and --beside as often in their order ("" for
none). The runs' corpora must be in the cache. Pictures go into the folder pictures/ beside the output, with names
that begin with results_. The page's picture needs Chromium and a font with Chinese characters (on Debian:
fonts-wqy-microhei). The last line of stdout is one JSON object: the figures by run.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from benchmarks.shown.books import by_book
from benchmarks.shown.copying import copied_chart, copied_over_time
from benchmarks.shown.page import RunShown, page_text
from benchmarks.shown.samples import chosen, judged_samples
from benchmarks.trials import passages
from benchmarks.workers import ROOT, run_command
from tf_gpt2.evaluation.curves import loss_chart
from tf_gpt2.evaluation.originality import baseline, corpus_index
from tf_gpt2.evaluation.originality_of_model import corpus_of_run
from tf_gpt2.evaluation.report import png
from tf_gpt2.evaluation.runs import run_facts
from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import training_facts

PHONE = "page_phone.png"
_OF_EACH = ("command", "lstm", "beside")  # options that each run has a value of


def main(argv=None):
    """Makes the document."""
    options = _options(argv)
    pictures = options.output.parent / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    given = (options.run_dir, *(getattr(options, name) for name in _OF_EACH))
    shown = [_look_at(*of_one, pictures, options.page) for of_one in zip(*given, strict=True)]
    write_atomically(options.output, page_text(shown).encode())
    figures = {run.name: {"nats_per_token": run.facts.validation_loss, "by_book": run.books} for run in shown}
    print(json.dumps({"benchmark": "results", **figures}, ensure_ascii=False))


def _look_at(run_dir, command, lstm, beside, pictures, with_page) -> RunShown:
    name = run_dir.resolve().name
    print(f"run {name}", file=sys.stderr, flush=True)
    prepared, facts, training = corpus_of_run(run_dir), run_facts(run_dir), training_facts(run_dir)
    drawn = {"loss": png([loss_chart({name: facts.metrics})])}
    copied = copied_over_time(facts.metrics)
    if any(row["copied_share"] for row in copied):
        drawn["copying"] = png([copied_chart(copied)])
    if with_page:
        drawn["page"] = _page_picture(run_dir, corpus_index(prepared).alphabetic)
    for kind, picture in drawn.items():
        write_atomically(pictures / f"results_{name}_{kind}.png", picture)
    return RunShown(
        name=name,
        facts=facts,
        training=training,
        command=command,
        books=by_book(run_dir, prepared, lstm, beside),
        copied=copied,
        repeated_by_author=baseline(corpus_index(prepared), prepared),
        samples=chosen(judged_samples(prepared, passages.of_run(run_dir))),
        pictures={kind: f"pictures/results_{name}_{kind}.png" for kind in drawn},
    )


def _page_picture(run_dir, alphabetic: bool) -> bytes:
    """The page that is made of a run, at a phone's width, with a text that was written in it.

    In an alphabet that text begins with the page's first opening, else with the one of all pictures.
    """
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder) / "site"
        run_command([sys.executable, "-m", "export.site", f"--run_dir={run_dir.resolve()}", f"--output={site}"])
        taken = pathlib.Path(folder) / "pictures"
        script = str(ROOT / "docs" / "take_pictures.py")
        flags = [f"--site={site}", f"--output={taken}", "--only=phone", *(["--opening="] if alphabetic else [])]
        run_command([sys.executable, script, *flags])
        return (taken / PHONE).read_bytes()


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", type=pathlib.Path, action="append", required=True, help="a finished run")
    parser.add_argument("--command", action="append", help="how it was trained")
    parser.add_argument("--lstm", action="append", help="run directory of an LSTM on the same tokens")
    parser.add_argument("--beside", action="append", help="another run, measured on the same text")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--no_page", dest="page", action="store_false", help="no picture of the page: no browser")
    options = parser.parse_args(argv)
    for name in _OF_EACH:
        given = getattr(options, name) or [""] * len(options.run_dir)
        if len(given) != len(options.run_dir):
            parser.error(f"--{name} must be given once for each --run_dir or not at all; received {len(given)}")
        setattr(options, name, given)
    return options


if __name__ == "__main__":
    main()
