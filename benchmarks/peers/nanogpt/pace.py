"""Worker: the rival's step on a prepared corpus, with the options of train.py; a round is --steps of them."""

import statistics
import time

import numpy as np
import torch

from benchmarks.peers.nanogpt.model import adamw
from benchmarks.peers.nanogpt.tokens import Split
from benchmarks.peers.nanogpt.train import new_model, parsed, take_step
from benchmarks.workers import serve


def main(argv=None):
    options = parsed(argv)
    model = new_model(options)
    optimizer = adamw(model, options.learning_rate, options.weight_decay, options.beta2)
    forward = torch.compile(model) if options.compile else model
    train, draws = Split(options.corpus, "train"), np.random.default_rng(options.seed)

    def measure(_):
        seconds = []
        for _ in range(options.steps):
            begin = time.perf_counter()
            ids, targets = train.random_windows(draws, options.batch_size, options.context_length)
            take_step(forward, optimizer, ids, targets, options.learning_rate)
            seconds.append(time.perf_counter() - begin)
        return {"tokens_per_s": options.batch_size * options.context_length / statistics.median(seconds)}

    measure("to warm up")
    serve({"parameters": model.num_parameters(), "threads": torch.get_num_threads()}, measure)


if __name__ == "__main__":
    main()
