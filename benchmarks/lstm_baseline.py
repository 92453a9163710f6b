"""The LSTM that GPT-2 replaces: both trained by one trainer on one split for the same minutes, and a bigram.

    python -m benchmarks.lstm_baseline --minutes=4                         (the sample corpus)
    python -m benchmarks.lstm_baseline --corpus=novels/ --preset=jinyong --minutes=600
    python -m benchmarks.lstm_baseline --only=lstm --minutes=60    (for `benchmarks.results --lstm=OUTPUT/lstm`)

The LSTM is the earlier article's: embedding 512, LSTM 1024, Adam with a learning rate of 0.001. It and GPT-2 see
windows of one length, and are measured on the same windows of the same held-out text. A table goes to stderr, a
line of JSON a model to stdout. OUTPUT/lstm and OUTPUT/gpt2 are the runs; what each makes of the openings of the
books is in OUTPUT/lstm.jsonl and OUTPUT/gpt2.jsonl. A page shows the LSTM's beside GPT-2's:

    python -m export.site --run_dir=OUTPUT/gpt2 --compare=OUTPUT/lstm.jsonl --compare_name=LSTM --output=site
"""

import argparse
import json
import logging
import math
import pathlib
import statistics
import sys
import time

from tf_gpt2 import runtime

runtime.prepare_training()

import keras  # noqa: E402

from benchmarks.lstm.keeper import LstmKeeper  # noqa: E402
from benchmarks.lstm.model import FIGURES_FILE, WEIGHTS_FILE, LstmConfig, build_lstm  # noqa: E402
from export.browser.openings import book_openings  # noqa: E402
from export.browser.site import PASSAGE_TOKENS, SEED  # noqa: E402
from tf_gpt2.data.prepare import prepare_corpus  # noqa: E402
from tf_gpt2.evaluation.bigram import Bigram  # noqa: E402
from tf_gpt2.evaluation.originality import corpus_index, measure  # noqa: E402
from tf_gpt2.files import write_atomically  # noqa: E402
from tf_gpt2.generation import load  # noqa: E402
from tf_gpt2.run_directory import WEIGHTS_FILE as GPT2_WEIGHTS  # noqa: E402
from tf_gpt2.run_directory import read_metrics  # noqa: E402
from tf_gpt2.training.batches import training_batches  # noqa: E402
from tf_gpt2.training.learner import Learner  # noqa: E402
from tf_gpt2.training.length import steps_in  # noqa: E402
from tf_gpt2.training.loop import Trainer  # noqa: E402
from tf_gpt2.training.options import TrainingOptions  # noqa: E402
from tf_gpt2.training.plan import plan_recipe, plan_rhythm, plan_schedule  # noqa: E402
from tf_gpt2.training.run import train_model  # noqa: E402

_PASSAGES, _PASSAGE_TOKENS, _ROUNDS = 20, 200, 3
_ORIGINALITY = (
    "longest_copied_run",
    "copied_share",
    "distinct_4",
    "repeated_share",
    "new_pairs_share",
    "new_words_share",
)
_ROWS = {
    "parameters": "parameters",
    "file_mb": "file, MB",
    "seconds_of_steps": "training, s",
    "training_tokens": "tokens seen",
    "training_tokens_per_s": "tokens a second, training",
    "validation_nats_per_token": "held-out loss, nats a token",
    "validation_nats_per_character": "held-out loss, nats a character",
    "copied_share": "share in copied runs",
    "longest_copied_run": "longest copied run, characters",
    "distinct_4": "distinct-4",
    "new_pairs_share": "new pairs of characters, share",
    "new_words_share": "new words, share",
    "writing_tokens_per_s": "tokens a second, writing one text",
}


def main(argv=None):
    """Runs the benchmark."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _options(argv)
    output = pathlib.Path(options.output)
    if output.exists():
        raise SystemExit(f"--output must be new; {output} exists")
    asked = TrainingOptions(preset=options.preset, minutes=options.minutes, originality=False)
    corpus = options.corpus or None
    prepared = prepare_corpus(corpus, **asked.vocabulary)
    window = asked.shape(prepared.tokenizer.vocab_size).context_length
    lines = [{"model": "bigram", **_losses(prepared, _bigram(prepared))}]
    models = [("lstm", *_lstm(prepared, output / "lstm", window, options))]
    if options.only is None:
        models.append(("gpt2", *_gpt2(prepared, corpus, output / "gpt2", options)))
    for name, model, figures in models:
        lines.append({"model": name, **figures, **_writing(model, prepared)})
    if options.only is None:
        books = book_openings(output / "gpt2", prepared.tokenizer)
        for name, model, _ in models:
            _write_continuations(output / f"{name}.jsonl", model, books)
    print(table(lines), file=sys.stderr)
    for line in lines:
        print(json.dumps({"benchmark": "lstm_baseline", "minutes": options.minutes, **line}))


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="*", help="files, folders, globs; none: the sample corpus")
    parser.add_argument("--output", default="runs/lstm_baseline", help="a new folder")
    parser.add_argument("--minutes", type=float, default=4, help="of training, for each")
    parser.add_argument("--only", choices=["lstm"], help="train no GPT-2 beside it")
    parser.add_argument("--preset", default="demo", help="of GPT-2; its context is the length of both's windows")
    parser.add_argument("--embedding_dim", type=int, default=512)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--batch_size", type=int, default=16, help="sequences a step of the LSTM")
    parser.add_argument("--learning_rate", type=float, default=1e-3, help="of the LSTM")
    return parser.parse_args(argv)


def _bigram(prepared):
    return Bigram(prepared.train, prepared.tokenizer.vocab_size).cross_entropy(prepared.validation)


def _losses(prepared, nats_per_token):
    held_out = prepared.validation
    return {
        "validation_nats_per_token": nats_per_token,
        "validation_nats_per_character": nats_per_token * held_out.targets / held_out.characters,
    }


def _lstm(prepared, run_dir, window, options):
    """Trains the LSTM; returns it, ready to write, and its figures."""
    asked = TrainingOptions(
        minutes=options.minutes, batch_size=options.batch_size, learning_rate=options.learning_rate,
        optimizer="adamw", weight_decay=0.0, originality=False, log_every=1,
    )  # fmt: skip
    keras.utils.set_random_seed(asked.seed)
    config = LstmConfig(prepared.tokenizer.vocab_size, options.embedding_dim, options.units)
    model = build_lstm(config)
    learner = Learner(model, plan_recipe(asked, None))
    batches = training_batches(prepared, learner, window)
    schedule = plan_schedule(
        asked, steps_in(asked.minutes, learner.seconds_per_step(batches, options.learning_rate))
    )
    run_dir.mkdir(parents=True)
    keeper = LstmKeeper(run_dir, model, config, prepared.tokenizer)
    rhythm = plan_rhythm(asked, schedule.steps)
    trainer = Trainer(run_dir, learner, prepared, schedule, rhythm, context_length=window, keeper=keeper)
    state = trainer.train()
    keeper.load()  # the best, which need not be the last
    figures = {
        "parameters": model.count_params(),
        "file_mb": (run_dir / WEIGHTS_FILE).stat().st_size / 1e6,
        **_pace(run_dir, state.step * learner.recipe.batch_size * window),
        **_losses(prepared, state.best_validation_loss),
    }
    write_atomically(run_dir / FIGURES_FILE, json.dumps(figures).encode())
    return keeper.generator(), figures


def _gpt2(prepared, corpus, run_dir, options):
    """Trains GPT-2 as the product does; returns it and its figures."""
    result = train_model(corpus, run_dir, preset=options.preset, minutes=options.minutes, originality=False)
    model = load(run_dir)
    stored = json.loads((run_dir / "training.json").read_text("utf-8"))["training"]
    figures = {
        "parameters": model.config.num_parameters,
        "file_mb": (run_dir / GPT2_WEIGHTS).stat().st_size / 1e6,
        **_pace(run_dir, result.steps * stored["batch_size"] * model.config.context_length),
        **_losses(prepared, result.validation_loss),
    }
    return model, figures


def _pace(run_dir, tokens):
    """Speed of training, from the metrics that a run leaves, and what it saw."""
    lines = [line.model_dump() for line in read_metrics(run_dir).lines]
    rates = [line["tokens_per_s"] for line in lines if line.get("tokens_per_s")]
    rate = statistics.median(rates) if rates else math.nan
    return {"training_tokens": tokens, "training_tokens_per_s": rate, "seconds_of_steps": tokens / rate}


def _writing(model, prepared):
    """Originality of passages, and the speed of one text when everything is compiled."""
    settings = model.settings(max_new_tokens=_PASSAGE_TOKENS, num_samples=_PASSAGES, seed=0)
    texts = [passage.text for passage in model.write([""], settings)]
    found = measure(corpus_index(prepared), texts)
    one = model.settings(max_new_tokens=_PASSAGE_TOKENS, min_new_tokens=_PASSAGE_TOKENS, seed=0)
    seconds = []
    for _ in range(_ROUNDS + 1):
        begin = time.perf_counter()
        list(model.write([""], one))
        seconds.append(time.perf_counter() - begin)
    return {
        **{name: found[name] for name in _ORIGINALITY if name in found},
        "writing_tokens_per_s": _PASSAGE_TOKENS / sorted(seconds[1:])[_ROUNDS // 2],
    }


def _write_continuations(path, model, books):
    """What a model makes of the openings of the books, as the page's samples are made."""
    places = [(title, opening) for title, found in books for opening in found]
    passages = model.write(
        [opening for _, opening in places], model.settings(max_new_tokens=PASSAGE_TOKENS, seed=SEED)
    )
    rows = [
        {"book": title, "prompt": passage.prompt, "text": passage.text}
        for (title, _), passage in zip(places, passages, strict=True)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_atomically(path, text.encode())


def table(lines):
    """The figures side by side, a model a column, in Markdown."""
    rows = [["", *(line["model"] for line in lines)], ["---"] * (len(lines) + 1)]
    for name, label in _ROWS.items():
        if any(name in line for line in lines):
            rows.append([label, *(_cell(line[name]) if name in line else "" for line in lines)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


if __name__ == "__main__":
    main()
