"""How long opening the 124M GPT-2 takes and how much memory: python -m benchmarks.load

Writes a model directory with random weights to a temporary folder, then opens it in fresh processes: as a Keras
model and as tensors for writing. Memory is the growth of the peak resident size over what the imports took.
The last line of stdout is one JSON object.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

GOAL = {"seconds": 5.0, "memory_ratio": 1.3}
_WAYS = ("keras", "tensors")


def main():
    if len(sys.argv) == 3:
        print(json.dumps(measure(*sys.argv[1:])))
        return
    with tempfile.TemporaryDirectory() as folder:
        size = write_model(folder)
        results = {way: _in_fresh_process(way, folder) for way in _WAYS}
    for way, figures in results.items():
        figures["memory_ratio"] = round(figures.pop("extra_bytes") / size, 3)
        print(f"{way}: {figures['seconds']:.2f} s, {figures['memory_ratio']:.2f} x the file's size in extra memory")
    print(json.dumps({"benchmark": "load", "model": "gpt2", "file_bytes": size, "goal": GOAL, **results}))


def write_model(folder) -> int:
    """Writes GPT-2's 124M shape with random weights; returns the size of the file in bytes."""
    from benchmarks.random_model import characters_tokenizer, write_random_model
    from tf_gpt2.model_directory import WEIGHTS_FILE

    write_random_model(folder, "gpt2", characters_tokenizer(1), vocabulary_size=50257)
    return (pathlib.Path(folder) / WEIGHTS_FILE).stat().st_size


def measure(way, folder) -> dict:
    """Opens the model in this process; every weight is in memory afterwards."""
    from tf_gpt2 import runtime

    runtime.load_tensorflow(xla=True)
    import keras  # noqa: F401  so that its own memory does not count

    from tf_gpt2.generation.weights import to_tensors
    from tf_gpt2.model_directory import load_config, load_model, load_weights

    before = _memory("VmRSS")
    start = time.perf_counter()
    kept = load_model(folder) if way == "keras" else to_tensors(load_weights(folder, load_config(folder)))
    seconds = time.perf_counter() - start
    del kept
    return {"seconds": round(seconds, 3), "extra_bytes": _memory("VmHWM") - before}


def _memory(field) -> int:
    """A figure of this process in bytes: VmRSS resident now, VmHWM its peak."""
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{field}:")[1].split()[0])


def _in_fresh_process(way, folder):
    command = [sys.executable, "-m", "benchmarks.load", way, folder]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
