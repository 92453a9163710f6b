"""What `avoid_copying` costs: a run writes with it and without, in turns, against its own corpus.

    python -m benchmarks.avoid_copying --run_dir=runs/demo --avoid_copying=20

The last line is one JSON object: tokens a second each way (medians), and how much slower the control makes it.
"""

import argparse
import json
import time

import numpy as np

from tf_gpt2.evaluation.originality_of_model import know_corpus
from tf_gpt2.generation import load

_ROUNDS = 7
_TOKENS = 400


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", default="runs/demo")
    parser.add_argument("--corpus", nargs="*", help="instead of the run's own")
    parser.add_argument("--avoid_copying", type=int, default=20)
    parser.add_argument("--num_samples", type=int, default=1)
    options = parser.parse_args()
    model = load(options.run_dir)
    index = know_corpus(model, options.run_dir, options.corpus)
    speeds = {least: [] for least in (0, options.avoid_copying)}
    for seed in range(-1, _ROUNDS):  # the first round compiles
        for least, found in speeds.items():
            settings = model.settings(
                seed=max(seed, 0), max_new_tokens=_TOKENS, num_samples=options.num_samples, avoid_copying=least
            )
            begin = time.perf_counter()
            tokens = sum(passage.num_tokens for passage in model.write([""], settings))
            if seed >= 0:
                found.append(tokens / (time.perf_counter() - begin))
    free, guarded = (float(np.median(found)) for found in speeds.values())
    figures = {
        "corpus_megabytes": round(index.index.num_bytes / 1e6, 1),
        "avoid_copying": options.avoid_copying,
        "num_samples": options.num_samples,
        "tokens_per_s": round(free, 1),
        "tokens_per_s_avoiding": round(guarded, 1),
        "slower": round(1 - guarded / free, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
