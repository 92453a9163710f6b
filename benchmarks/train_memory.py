"""Memory of a training step by XLA's own account, in the plain form and in those that spare it, and their speed.

    python -m benchmarks.train_memory [--preset gpt2] [--batch_size 8] [--length 1024] [--steps 0]

Each form is compiled in a process of its own, whose buffer assignment is read; nothing is computed unless --steps
says so, so that shapes may be measured that the machine could not hold. One JSON object a form.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

# form: whether the program's own choice of strips and chunks is in force, and --remat
FORMS = {
    "plain": (False, "none"),
    "auto": (True, "none"),
    "blocks": (True, "blocks"),
    "full": (True, "full"),
}
_TOTAL = re.compile(r"Total bytes used: (\d+)")


def main(argv=None):
    """Runs the benchmark, or one form of it."""
    options = _options(argv)
    if options.form:
        print(json.dumps(_measure(options)))
        return
    for form in options.forms.split(","):
        print(json.dumps({"benchmark": "train_memory", "form": form, **_in_process(form, argv)}), flush=True)


def _in_process(form, argv):
    """Figures of one form, from a process whose XLA writes its buffer assignment down."""
    with tempfile.TemporaryDirectory() as folder:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={folder} --xla_dump_hlo_module_re=.*_whole_.*"
        command = [sys.executable, "-m", "benchmarks.train_memory", *(argv or sys.argv[1:]), f"--form={form}"]
        done = subprocess.run(command, env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        reports = sorted(pathlib.Path(folder).glob("*memory-usage-report.txt"))
        bytes_used = max(int(_TOTAL.search(report.read_text())[1]) for report in reports)
        return {"gib": round(bytes_used / 2**30, 2), **json.loads(done.stdout.splitlines()[-1])}


def _measure(options):
    from tf_gpt2 import runtime

    runtime.prepare_training()
    import numpy as np
    import tensorflow as tf

    from tf_gpt2.config import preset_config
    from tf_gpt2.model import build_model
    from tf_gpt2.training.devices import local_devices
    from tf_gpt2.training.memory import Sparing, plan_sparing
    from tf_gpt2.training.optimizer import build_optimizer
    from tf_gpt2.training.settings import Recipe
    from tf_gpt2.training.steps import TrainStep, next_token_loss
    from tf_gpt2.training.trunk import SparingLoss

    by_size, remat = FORMS[options.form]
    rows, length = options.batch_size, options.length
    config = preset_config(options.preset, options.vocabulary_size)
    devices = local_devices(options.precision)
    with devices.scope():
        model = build_model(config)
        recipe = Recipe(batch_size=rows, optimizer=options.optimizer)
        variables = model.trainable_variables
        optimizer = build_optimizer(recipe, variables, devices.precision)
    sparing = plan_sparing(config, rows, length, remat) if by_size else Sparing()
    objective = SparingLoss(model, sparing) if by_size else next_token_loss
    step = TrainStep(model, optimizer, variables, objective=objective)
    tokens = tf.constant(np.random.default_rng(0).integers(0, config.vocabulary_size, (rows, length + 1)), tf.int32)
    x, y = tokens[:, :-1], tokens[:, 1:]
    start = time.perf_counter()
    if not options.steps:
        step._whole.experimental_get_compiler_ir(x, y)(stage="optimized_hlo")
        return {"sparing": str(sparing), "compile_s": round(time.perf_counter() - start, 1)}
    float(step(x, y))
    compile_s = time.perf_counter() - start
    seconds = []
    for _ in range(options.steps):
        start = time.perf_counter()
        float(step(x, y))
        seconds.append(time.perf_counter() - start)
    return {
        "sparing": str(sparing),
        "compile_s": round(compile_s, 1),
        "step_s": round(statistics.median(seconds), 3),
        "fastest_step_s": round(min(seconds), 3),
    }


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="gpt2")
    parser.add_argument("--vocabulary_size", type=int, default=50_257)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--optimizer", default="adamw")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=0, help="steps to time; 0 compiles only")
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
