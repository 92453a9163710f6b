"""Worker: our training step, fed by our input pipeline, and the rate of plain matrix products beside it."""

import argparse
import dataclasses
import statistics
import time

from tf_gpt2 import runtime

runtime.prepare_training()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from benchmarks.workers import serve  # noqa: E402
from tf_gpt2.config import preset_config  # noqa: E402
from tf_gpt2.data.token_files import TokenStream  # noqa: E402
from tf_gpt2.data.windows import training_dataset  # noqa: E402
from tf_gpt2.model import build_model  # noqa: E402
from tf_gpt2.training.optimizer import build_optimizer  # noqa: E402
from tf_gpt2.training.settings import Recipe  # noqa: E402
from tf_gpt2.training.steps import TrainStep  # noqa: E402

# [tokens of a batch, width] times [width, inner width] of the jinyong shape: the product its blocks do most.
GEMM_SHAPE = (1024, 768, 3072)


def main():
    options = _options()
    config = preset_config(options.preset, options.vocabulary_size, dropout=options.dropout)
    model = build_model(config)
    recipe = Recipe(batch_size=options.batch_size, optimizer=options.optimizer)
    variables = model.trainable_variables
    step = TrainStep(model, build_optimizer(recipe, variables), variables)
    tokens = np.random.default_rng(0).integers(0, options.vocabulary_size, 500_000).astype(np.uint16)
    batches = iter(
        training_dataset(TokenStream(tokens), context_length=options.length, batch_size=options.batch_size, seed=0)
    )
    start = time.perf_counter()
    float(step(*next(batches)))
    compile_s = time.perf_counter() - start
    for _ in range(2):
        float(step(*next(batches)))
    flops_per_token = 3 * dataclasses.replace(config, context_length=options.length).flops_per_token

    def measure(_):
        gemm = _gemm_gflop_per_s()
        seconds, waits = [], []
        for _ in range(options.steps):
            start = time.perf_counter()
            x, y = next(batches)
            waits.append(time.perf_counter() - start)
            float(step(x, y))
            seconds.append(time.perf_counter() - start)
        rate = options.batch_size * options.length / statistics.median(seconds)
        return {
            "tokens_per_s": rate,
            "gflop_per_s": rate * flops_per_token / 1e9,
            "gemm_gflop_per_s": (gemm + _gemm_gflop_per_s()) / 2,
            "input_wait_fraction": sum(waits) / sum(seconds),
        }

    serve({"parameters": config.num_parameters, "compile_s": compile_s}, measure)


def _gemm_gflop_per_s(repeats=9):
    rows, inner, columns = GEMM_SHAPE
    a, b = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        tf.matmul(a, b).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * rows * inner * columns / statistics.median(seconds) / 1e9


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", required=True)
    for name in ("vocabulary_size", "batch_size", "length", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dropout", type=float, required=True)
    parser.add_argument("--optimizer", choices=["adamw", "muon"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
