"""Worker: a training step of one process, alone or as one of several, kept to some cores."""

import argparse
import os
import statistics
import time

from benchmarks.workers import serve
from tf_gpt2 import runtime
from tf_gpt2.config import preset_config


def main():
    options = _options()
    os.sched_setaffinity(0, map(int, options.cores.split(",")))  # before TensorFlow counts them
    opened = []
    runtime.prepare_training(first=lambda: opened.append(_open_devices(options)))
    learner, batches = _learner(options, opened[0])
    for _ in range(3):
        loss = float(learner.step(*next(batches), 1e-3))

    def measure(_):
        seconds = []
        for _ in range(options.steps):
            start = time.perf_counter()
            loss = float(learner.step(*next(batches), 1e-3))
            seconds.append(time.perf_counter() - start)
        return {"tokens_per_s": options.batch_size * options.length / statistics.median(seconds), "loss": loss}

    serve({"loss": loss}, measure)


def _open_devices(options):
    from tf_gpt2.training.devices import plan_devices
    from tf_gpt2.training.distributed.cluster import Cluster

    addresses = tuple(f"127.0.0.1:{port}" for port in options.ports.split(",") if port)
    return plan_devices("float32", 1).open(Cluster(addresses, options.index) if addresses else None)


def _learner(options, devices):
    import keras
    import numpy as np

    from tf_gpt2.data.token_files import TokenStream
    from tf_gpt2.data.windows import training_dataset
    from tf_gpt2.model import build_model
    from tf_gpt2.training.learner import Learner
    from tf_gpt2.training.settings import Recipe

    keras.utils.set_random_seed(0)
    with devices.scope():
        model = build_model(preset_config(options.preset, options.vocabulary_size, dropout=options.dropout))
        recipe = Recipe(batch_size=options.batch_size, optimizer=options.optimizer)
        learner = Learner(model, recipe, replicas=devices.replicas)
    tokens = np.random.default_rng(0).integers(0, options.vocabulary_size, 500_000).astype(np.uint16)
    batches = training_dataset(
        TokenStream(tokens),
        context_length=options.length,
        batch_size=options.batch_size,
        seed=0,
        **learner.shard,
    )
    return learner, iter(batches)


def _options():
    parser = argparse.ArgumentParser()
    for name in ("vocabulary_size", "batch_size", "length", "steps", "index"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("preset", "optimizer", "cores", "ports"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--dropout", type=float, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
