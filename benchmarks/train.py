"""Training speed beside Hugging Face's GPT-2 on PyTorch, and beside the rate of plain matrix products.

    python -m benchmarks.train [--rounds 5] [--cases jinyong,demo,demo_muon] [--peer_python PATH]
    python -m benchmarks.train --cases gpt2 --precision bfloat16 --compile     # on a GPU

Same shapes, optimizer, clipping and dropout; both warmed up; the contenders take turns and the ratios are medians
over the rounds. With --precision both multiply in it, with --compile the peer goes through torch.compile. The share
of the matrix rate is model FLOPs, counted from the shapes, by the rate of one large product in the same precision:
what others call MFU, with a peak that was measured. The last line of stdout is one JSON object.
"""

import argparse
import json
import os
import sys

from benchmarks.workers import Worker, alternate, median, median_ratio, peer_python
from tf_gpt2.config import preset_config
from tf_gpt2.training.settings import PRECISIONS

# name: preset, optimizer, batch size, tokens a sequence, dropout, steps a round. The vocabulary of demo is that of
# the sample corpus.
CASES = {
    "jinyong": ("jinyong", "adamw", 13_317, 4, 256, 0.1, 3),
    "demo": ("demo", "adamw", 3_318, 16, 64, 0.0, 40),
    "demo_muon": ("demo", "muon", 3_318, 16, 64, 0.0, 40),
    "gpt2": ("gpt2", "adamw", 50_257, 8, 1024, 0.0, 10),
}
USUAL = "jinyong,demo,demo_muon"


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default=USUAL, help=f"of {','.join(CASES)}")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--compile", action="store_true", help="the peer through torch.compile")
    parser.add_argument("--peer_python")
    options = parser.parse_args(argv)
    python = peer_python(options.peer_python)
    figures = {"benchmark": "train", "cpu_cores": os.cpu_count(), "rounds": options.rounds}
    figures |= {"precision": options.precision, "peer_compiled": options.compile}
    for name in options.cases.split(","):
        figures |= {f"{name}_{key}": round(value, 3) for key, value in _run(name, python, options).items()}
    print(json.dumps(figures))


def _run(name, python, options):
    preset, vocabulary_size = CASES[name][0], CASES[name][2]
    print(f"case {name}", file=sys.stderr)
    preset_arguments, common = worker_arguments(*CASES[name])
    common += ["--precision", options.precision]
    shape = preset_config(preset, vocabulary_size)
    fields = ("num_layers", "hidden_dim", "num_heads", "context_length")
    peer_shape = [part for field in fields for part in (f"--{field}", getattr(shape, field))]
    ours = Worker(sys.executable, "benchmarks.train_worker", *preset_arguments, *common)
    peer = Worker(python, "benchmarks.peers.hf_train", *peer_shape, *common, *["--compile"] * options.compile)
    if ours.ready["parameters"] != peer.ready["parameters"]:
        raise RuntimeError(f"the contenders must have equal models: {ours.ready} and {peer.ready}")
    answers = alternate({"ours": ours, "hf": peer}, options.rounds)
    ours.close()
    peer.close()
    return {
        "tokens_per_s": median(answers["ours"], "tokens_per_s"),
        "hf_tokens_per_s": median(answers["hf"], "tokens_per_s"),
        "ratio_to_hf": median_ratio(answers["ours"], answers["hf"], "tokens_per_s"),
        "gflop_per_s": median(answers["ours"], "gflop_per_s"),
        "gemm_gflop_per_s": median(answers["ours"], "gemm_gflop_per_s"),
        "fraction_of_gemm_peak": _median_fraction(answers["ours"]),
        "input_wait_fraction": median(answers["ours"], "input_wait_fraction"),
        "compile_s": ours.ready["compile_s"],
        **{key: value for key, value in ours.ready.items() if key == "gpu_peak_gib"},
        **{f"hf_{key}": value for key, value in peer.ready.items() if key == "gpu_peak_gib"},
    }


def worker_arguments(preset, optimizer, vocabulary_size, batch_size, length, dropout, steps):
    """Command line of a case: the preset, which only our worker knows, and what both contenders understand."""
    common = ["--optimizer", optimizer, "--vocabulary_size", vocabulary_size, "--batch_size", batch_size]
    return ["--preset", preset], [*common, "--length", length, "--dropout", dropout, "--steps", steps]


def _median_fraction(answers):
    return median([{"f": a["gflop_per_s"] / a["gemm_gflop_per_s"]} for a in answers], "f")


if __name__ == "__main__":
    main()
