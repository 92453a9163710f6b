"""Writing speed beside Hugging Face on PyTorch, KerasHub and onnxruntime, and beside the memory's bandwidth.

    python -m benchmarks.generate [--rounds 5] [--peers hf,keras_hub,ort] [--peer_python PATH] [--no_long]

The jinyong shape with random weights, top-k 40, float32 on CPU. The contenders take turns and the ratios are
medians over the rounds. `late` is near position 900, `eight` is eight sequences, `prefill` the forward pass of
512 tokens. The last line of stdout is one JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.workers import ROOT, Worker, median, median_ratio, peer_python

# name: module, whether it runs in the peers' environment, cases
PEERS = {
    "hf": ("benchmarks.peers.hf_generate", True, ("one", "eight", "prefill")),
    "keras_hub": ("benchmarks.peers.keras_hub_generate", False, ("one",)),
    "ort": ("benchmarks.peers.ort_generate", True, ("one", "late")),
}
OURS = ("bandwidth", "one", "late", "eight", "prefill")
KEYS = {"hf": "hf", "keras_hub": "keras_hub", "ort": "onnxruntime"}


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--peer_python")
    parser.add_argument("--no_long", action="store_true", help="skip the 3,200-token text (two minutes)")
    parser.add_argument("--no_cold", action="store_true", help="skip the cold starts")
    options = parser.parse_args(argv)
    names = [name for name in options.peers.split(",") if name]
    figures = {"benchmark": "generate", "cpu_cores": os.cpu_count(), "rounds": options.rounds}
    workers = {"ours": Worker(sys.executable, "benchmarks.generate_worker")}
    for name in names:
        module, foreign, _ = PEERS[name]
        workers[name] = Worker(peer_python(options.peer_python) if foreign else sys.executable, module)
    answers = _rounds(workers, options.rounds)
    figures |= _ours(workers["ours"], answers) | _ratios(answers, names)
    print(figures, file=sys.stderr)
    if not options.no_long:
        long = workers["ours"].ask("long")
        figures |= {f"long_{key}_tokens_per_s": value for key, value in long.items()}
        figures["ratio_of_3000th_to_300th"] = long["at_3000"] / long["at_300"]
    for worker in workers.values():
        worker.close()
    if not options.no_cold:
        figures |= _cold_start()
    print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}))


def _rounds(workers, rounds):
    """Figures by contender and case, a list over rounds; in a case the contenders directly follow each other."""
    answers = {}
    for number in range(rounds):
        for case in OURS:
            for name, worker in workers.items():
                if name == "ours" or case in PEERS[name][2]:
                    answers.setdefault((name, case), []).append(worker.ask(case))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return answers


def _ours(worker, answers):
    token_bytes = worker.ready["bytes_per_token"]
    pairs = zip(answers["ours", "one"], answers["ours", "bandwidth"], strict=True)
    fraction = statistics.median(one["tokens_per_s"] * token_bytes / 1e9 / b["gb_per_s"] for one, b in pairs)
    cases = ("one", "late", "eight")
    return {
        "compile_s": worker.ready["compile_s"],
        "memory_gb_per_s": median(answers["ours", "bandwidth"], "gb_per_s"),
        "fraction_of_bandwidth": fraction,
        **{f"{case}_tokens_per_s": median(answers["ours", case], "tokens_per_s") for case in cases},
        "prefill_512_s": median(answers["ours", "prefill"], "seconds"),
    }


def _ratios(answers, names):
    figures = {}
    for name in names:
        for case in PEERS[name][2]:
            key = "" if case == "one" else f"{case}_"
            ours, theirs = answers["ours", case], answers[name, case]
            if case == "prefill":
                figures[f"prefill_512_{name}_s"] = median(theirs, "seconds")
                figures[f"prefill_512_ratio_to_{KEYS[name]}"] = median_ratio(theirs, ours, "seconds")
            else:
                figures[f"{key}{name}_tokens_per_s"] = median(theirs, "tokens_per_s")
                figures[f"{key}ratio_to_{KEYS[name]}"] = median_ratio(ours, theirs, "tokens_per_s")
    return figures


def _cold_start(repeats=3):
    """Seconds from a cold start to the first character of `tf_gpt2.sample`, and of `import tensorflow` alone."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "benchmarks.cold_start_model", folder], check=True, cwd=ROOT)
        sample = [sys.executable, "-m", "tf_gpt2.sample", f"--run_dir={folder}", "--stream", "--max_new_tokens=8"]
        imports, firsts = [], []
        for _ in range(repeats):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, capture_output=True)
            imports.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            with subprocess.Popen(sample, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
                process.stdout.read(1)
                firsts.append(time.perf_counter() - begin)
    extra = statistics.median(first - alone for first, alone in zip(firsts, imports, strict=True))
    return {"import_tensorflow_s": statistics.median(imports), "first_token_after_import_s": extra}


if __name__ == "__main__":
    main()
