"""A SavedModel behind TF Serving's gRPC protocol, beside the library writing the same texts in one batch.

    python -m benchmarks.serving [--rounds 5] [--clients 8] [--tokens 50] [--export_only]

The jinyong shape with random weights, float32 on CPU, prompts of 16 characters, top-k 40. Eight clients ask at
once, each for 50 tokens; the rate is all tokens over the time until the last answer. TF Serving's binary is in no
package registry: the server is tests/serving_loopback.py, which loads the folder and joins requests into batches by
the exported batching_parameters.txt as TF Serving does. It and the library take turns. Exporting is timed too. The
last line of stdout is one JSON object.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.workers import ROOT

PROMPT_LENGTH = 16
FIRST_CHARACTER = 0x4E00


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--export_only", action="store_true", help="time the export and stop there")
    options = parser.parse_args(argv)
    figures = {"benchmark": "serving", "cpu_cores": os.cpu_count(), "clients": options.clients}
    with tempfile.TemporaryDirectory() as folder:
        run_dir, output = pathlib.Path(folder) / "run", pathlib.Path(folder) / "models" / "jinyong"
        subprocess.run([sys.executable, "-m", "benchmarks.cold_start_model", run_dir], check=True, cwd=ROOT)
        weight_bytes = (run_dir / "model.safetensors").stat().st_size
        begin = time.perf_counter()
        command = [sys.executable, "-m", "export.savedmodel", f"--run_dir={run_dir}", f"--output={output / '1'}"]
        exported = json.loads(subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout)
        figures["export_s"] = time.perf_counter() - begin
        figures["folder_over_weights"] = exported["bytes"] / weight_bytes
        if not options.export_only:
            figures |= _rates(run_dir, output, options)
    print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}))


def _characters(count, start):
    return "".join(map(chr, range(FIRST_CHARACTER + start, FIRST_CHARACTER + start + count)))


def _rates(run_dir, output, options):
    prompts = [_characters(PROMPT_LENGTH, 100 * client) for client in range(options.clients)]
    command = [sys.executable, "tests/serving_loopback.py", output, output / "batching_parameters.txt"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        port = int(server.stdout.readline())
        contenders = {
            "library": _library(run_dir, prompts, options.tokens),
            "served": _clients(port, prompts, options.tokens),
        }
        for write in contenders.values():
            write(0)  # warm up
        rates = {name: [] for name in contenders}
        for number in range(1, options.rounds + 1):
            for name, write in contenders.items():
                begin = time.perf_counter()
                tokens = write(number)
                rates[name].append(tokens / (time.perf_counter() - begin))
            print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
        server.stdin.close()
    ratios = [a / b for a, b in zip(rates["served"], rates["library"], strict=True)]
    return {
        "served_tokens_per_s": statistics.median(rates["served"]),
        "library_tokens_per_s": statistics.median(rates["library"]),
        "ratio_to_library": statistics.median(ratios),
    }


def _library(run_dir, prompts, max_new_tokens):
    from tf_gpt2 import runtime

    runtime.load_tensorflow(xla=True)
    from tf_gpt2.generation import GenerationSettings, load

    model = load(run_dir)

    def write(seed):
        settings = GenerationSettings(max_new_tokens=max_new_tokens, seed=seed)
        return sum(passage.num_tokens for passage in model.write(prompts, settings))

    return write


def _clients(port, prompts, max_new_tokens):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    service = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    pool = concurrent.futures.ThreadPoolExecutor(len(prompts))

    def ask(prompt, seed):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "jinyong"
        request.inputs["prompt"].CopyFrom(tf.make_tensor_proto([prompt]))
        request.inputs["max_new_tokens"].CopyFrom(tf.make_tensor_proto([max_new_tokens], tf.int32))
        request.inputs["seed"].CopyFrom(tf.make_tensor_proto([seed], tf.int64))
        return service.Predict(request, timeout=600).outputs["num_tokens"].int_val[0]

    return lambda seed: sum(pool.map(ask, prompts, [seed] * len(prompts)))


if __name__ == "__main__":
    main()
