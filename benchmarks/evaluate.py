"""How long the model waits for its input while a long text is evaluated.

    python -m benchmarks.evaluate --corpus novels/ --run_dir=runs/demo

Everything but the model's passes counts as waiting: reading and cleaning the texts, tokens, windows, sums. The last
line is one JSON object.
"""

import argparse
import json
import time

from tf_gpt2.evaluation.corpus_loss import evaluate_model
from tf_gpt2.generation import load, scoring


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", required=True, help="files, folders, globs")
    parser.add_argument("--run_dir", default="runs/demo")
    parser.add_argument("--stride", type=int, help="default: half of the context")
    options = parser.parse_args(argv)
    model = load(options.run_dir)
    list(model.scorer(1).windows(model.tokenizer.encode("却说" * model.config.context_length), 1))  # traced, warm
    passes = _Passes()
    begin = time.perf_counter()
    with passes:
        figures = evaluate_model(model, options.corpus, stride=options.stride)
    seconds = time.perf_counter() - begin
    print(
        json.dumps(
            {
                "benchmark": "evaluate",
                "characters": figures["characters"],
                "tokens": figures["tokens"],
                "context_length": figures["context_length"],
                "stride": figures["stride"],
                "seconds": round(seconds, 1),
                "tokens_per_s": round(figures["tokens"] / seconds),
                "input_wait_fraction": round(1 - passes.seconds / seconds, 4),
                "nats_per_token": figures["nats_per_token"],
            }
        )
    )


class _Passes:
    """Adds up the time inside the scoring pass of every `Scorer` made meanwhile."""

    def __init__(self):
        self.seconds = 0.0
        self._made = scoring.Scorer.__init__

    def __enter__(self):
        made, passes = self._made, self

        def init(scorer, *given, **named):
            made(scorer, *given, **named)
            inner = scorer._pass

            def timed(*arguments):
                begin = time.perf_counter()
                results = inner(*arguments)
                for result in results:
                    result.numpy()
                passes.seconds += time.perf_counter() - begin
                return results

            scorer._pass = timed

        scoring.Scorer.__init__ = init
        return self

    def __exit__(self, *_):
        scoring.Scorer.__init__ = self._made


if __name__ == "__main__":
    main()
