"""What a long run costs beside its steps: checkpoints every 100 steps, accumulation, and the preflight.

    python -m benchmarks.long_runs [--preset demo] [--batch_size 16] [--rounds 5] [--steps 200]

Steps with and without checkpoints, and in one part and in four, take turns; the shares are medians over the rounds.
The preflight is the whole command `train --dry_run`, start and compiling included. The last line of stdout is one
JSON object.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import types

from tf_gpt2 import runtime

runtime.prepare_training()

import numpy as np  # noqa: E402

from tf_gpt2.config import preset_config  # noqa: E402
from tf_gpt2.data.token_files import TokenStream  # noqa: E402
from tf_gpt2.data.windows import training_dataset  # noqa: E402
from tf_gpt2.model import build_model  # noqa: E402
from tf_gpt2.training.learner import Learner  # noqa: E402
from tf_gpt2.training.memory import plan_sparing  # noqa: E402
from tf_gpt2.training.saving import Saver  # noqa: E402
from tf_gpt2.training.settings import Recipe  # noqa: E402
from tf_gpt2.training.state import LoopState  # noqa: E402

CHECKPOINT_EVERY, LOG_EVERY, PARTS = 100, 10, 4


def main(argv=None):
    """Runs the benchmark."""
    options = _options(argv)
    whole, parted = (_learner(options, parts) for parts in (1, PARTS))
    with tempfile.TemporaryDirectory() as folder:
        keeper = types.SimpleNamespace(describe=dict, snapshot=lambda: lambda: None)
        saver = Saver(folder, lambda: whole.variables, keeper, lambda: None)
        plain, saved, whole_s, parted_s, waits = [], [], [], [], []
        batches = _batches(options)
        for learner in (whole, parted):
            _seconds(learner, batches, 3)
        for _ in range(options.rounds):
            plain.append(_seconds(whole, batches, options.steps))
            saved.append(_seconds(whole, batches, options.steps, saver, waits))
            saver.wait()
            whole_s.append(_seconds(whole, batches, options.steps // 4))
            parted_s.append(_seconds(parted, batches, options.steps // 4))
        size = sum(path.stat().st_size for path in pathlib.Path(folder, "checkpoints").glob("*")) / 2
    figures = {
        "benchmark": "long_runs",
        "preset": options.preset,
        "cpu_cores": os.cpu_count(),
        "rounds": options.rounds,
        "step_s": statistics.median(plain) / options.steps,
        "checkpoint_mb": size / 1e6,
        "checkpoint_share": _share(saved, plain),
        "checkpoint_wait_share": sum(waits) / sum(saved),
        "accumulation_share": _share(parted_s, whole_s),
        "preflight_s": _preflight(options),
    }
    print(json.dumps({name: round(v, 4) if isinstance(v, float) else v for name, v in figures.items()}))


def _share(with_it, without):
    """How much more time, as a share of what it was; the median of the rounds."""
    return statistics.median(a / b for a, b in zip(with_it, without, strict=True)) - 1


def _learner(options, parts):
    config = preset_config(options.preset, options.vocabulary_size)
    recipe = Recipe(batch_size=options.batch_size, optimizer=options.optimizer)
    sparing = plan_sparing(config, options.batch_size // parts, config.context_length)
    return Learner(build_model(config), recipe, sparing=sparing, parts=parts)


def _batches(options):
    tokens = np.random.default_rng(0).integers(0, options.vocabulary_size, 500_000).astype(np.uint16)
    length = preset_config(options.preset, options.vocabulary_size).context_length
    return iter(training_dataset(TokenStream(tokens), context_length=length, batch_size=options.batch_size, seed=0))


def _seconds(learner, batches, steps, saver=None, waits=None):
    """Time of steps as the loop takes them; what the loop itself waits for a checkpoint goes into `waits`."""
    losses, start = [], time.perf_counter()
    for step in range(1, steps + 1):
        losses.append(learner.step(*next(batches), 1e-3))
        if step % LOG_EVERY == 0:
            losses = [sum(float(loss) for loss in losses)]
        if saver is not None and step % CHECKPOINT_EVERY == 0:
            before = time.perf_counter()
            saver.submit(*saver.checkpoint(LoopState(step=step, best_step=1), keep=2))
            waits.append(time.perf_counter() - before)
    float(losses[-1])
    return time.perf_counter() - start


def _preflight(options):
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder, "book.txt")
        text.write_text("却说曹操引兵，玄德大喜。孔明曰：诸将皆惊。\n" * 20_000, encoding="utf-8")
        flags = [f"--corpus={text}", f"--preset={options.preset}", f"--run_dir={folder}/run", "--steps=1000"]
        command = [sys.executable, "-m", "tf_gpt2.train", "--dry_run", *flags, f"--batch_size={options.batch_size}"]
        start = time.perf_counter()
        done = subprocess.run(
            command, env={**os.environ, "TF_GPT2_CACHE": f"{folder}/cache"}, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        print(done.stderr, file=sys.stderr)
        return time.perf_counter() - start


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--vocabulary_size", type=int, default=3_318, help="that of the sample corpus")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--optimizer", default="adamw")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
