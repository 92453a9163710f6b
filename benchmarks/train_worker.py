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
from tf_gpt2.training.devices import local_devices  # noqa: E402
from tf_gpt2.training.memory import PLAIN, plan_sparing  # noqa: E402
from tf_gpt2.training.optimizer import build_optimizer  # noqa: E402
from tf_gpt2.training.settings import PRECISIONS, Recipe  # noqa: E402
from tf_gpt2.training.steps import TrainStep, next_token_loss  # noqa: E402
from tf_gpt2.training.trunk import SparingLoss  # noqa: E402

# [tokens of a batch, width] times [width, inner width] of the jinyong shape: the product its blocks do most. A GPU
# needs a larger one to reach its rate.
GEMM_SHAPE = (1024, 768, 3072)
GPU_GEMM_SHAPE = (8192, 8192, 8192)


def main():
    options = _options()
    config = preset_config(options.preset, options.vocabulary_size, dropout=options.dropout)
    recipe = Recipe(batch_size=options.batch_size, optimizer=options.optimizer)
    devices = local_devices(options.precision)
    with devices.scope():
        model = build_model(config)
        variables = model.trainable_variables
        optimizer = build_optimizer(recipe, variables, devices.precision)
    sparing = plan_sparing(config, options.batch_size, options.length)
    objective = next_token_loss if sparing == PLAIN else SparingLoss(model, sparing)
    step = TrainStep(model, optimizer, variables, objective=objective)
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
        gemm = _gemm_gflop_per_s(options.precision)
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
            "gemm_gflop_per_s": (gemm + _gemm_gflop_per_s(options.precision)) / 2,
            "input_wait_fraction": sum(waits) / sum(seconds),
        }

    serve({"parameters": config.num_parameters, "compile_s": compile_s, **_gpu_peak()}, measure)


def _gpu_peak():
    """Most memory that the first steps took, of a GPU."""
    if not tf.config.list_physical_devices("GPU"):
        return {}
    return {"gpu_peak_gib": tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30}


def _gemm_gflop_per_s(precision, repeats=9):
    rows, inner, columns = GPU_GEMM_SHAPE if tf.config.list_physical_devices("GPU") else GEMM_SHAPE
    a, b = (tf.cast(tf.random.normal(shape), precision) for shape in ((rows, inner), (inner, columns)))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        float(tf.matmul(a, b)[0, 0])  # waits for the device, and copies one number from it
        seconds.append(time.perf_counter() - start)
    return 2 * rows * inner * columns / statistics.median(seconds) / 1e9


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", required=True)
    for name in ("vocabulary_size", "batch_size", "length", "steps"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dropout", type=float, required=True)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
