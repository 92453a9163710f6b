"""Worker: our engine writes with random weights; also the machine's memory bandwidth, measured beside it."""

import threading
import time

import numpy as np

from benchmarks.generation_cases import CASES, SHAPE, VOCABULARY_SIZE
from benchmarks.workers import serve
from tf_gpt2 import runtime

runtime.load_tensorflow(xla=True)

from benchmarks.random_model import random_weights  # noqa: E402
from tf_gpt2.config import GPT2Config  # noqa: E402
from tf_gpt2.generation.engine import Engine  # noqa: E402
from tf_gpt2.generation.settings import GenerationSettings  # noqa: E402
from tf_gpt2.generation.weights import to_tensors  # noqa: E402

THREADS = 2
BANDWIDTH_BYTES = 400_000_000
LONG_STRETCH = 200  # tokens over which the speed at the 300th and the 3,000th is taken


def main():
    config = GPT2Config(vocabulary_size=VOCABULARY_SIZE, **SHAPE)
    random = np.random.default_rng(0)
    engine = Engine(config, random_weights(config), end_of_text_id=0)
    token_bytes = 4 * (config.num_parameters - config.context_length * config.hidden_dim)

    def start(rows, prompt, new):
        ids = random.integers(1, VOCABULARY_SIZE, (rows, prompt)).astype(np.int32)
        settings = GenerationSettings(max_new_tokens=new, top_k=40, stop_at_end_of_text=False)
        return engine.start(list(ids), settings, int(random.integers(2**32)), range(rows), [0] * rows)

    def write(session):
        while any(session.active):
            session.advance(64)

    def answer(name):
        if name == "bandwidth":
            return {"gb_per_s": _bandwidth_gb_per_s()}
        if name == "long":
            return _long(start)
        rows, prompt, new = CASES[name]
        begin = time.perf_counter()
        if new == 0:
            engine.prefill({0: np.ones(prompt, np.int32)}, cache)[0].numpy()
            return {"seconds": time.perf_counter() - begin}
        session = start(rows, prompt, new + (name == "late"))
        if name == "late":
            begin = time.perf_counter()
        write(session)
        return {"tokens_per_s": rows * new / (time.perf_counter() - begin)}

    cache = engine.new_cache(1)
    begin = time.perf_counter()
    write(start(1, 64, 2))
    compile_s = time.perf_counter() - begin
    answer("warm_up")
    serve({"compile_s": compile_s, "bytes_per_token": token_bytes}, answer)


def _long(start):
    """Tokens per second around the 300th and the 3,000th token of one text, the rolling of the window included."""
    session, marks = start(1, 64, 3000 + LONG_STRETCH), {}
    while any(session.active):
        marks[len(session.tokens[0])] = time.perf_counter()
        session.advance(20)
    marks[len(session.tokens[0])] = time.perf_counter()

    def rate(centre):
        count = sorted(marks, key=lambda n: abs(n - centre + LONG_STRETCH // 2))[0]
        end = sorted(marks, key=lambda n: abs(n - centre - LONG_STRETCH // 2))[0]
        return (end - count) / (marks[end] - marks[count])

    total = (max(marks) - min(marks)) / (marks[max(marks)] - marks[min(marks)])
    return {"at_300": rate(300), "at_3000": rate(3000), "whole": total}


def _bandwidth_gb_per_s(repeats=3):
    """Best rate at which all threads together read large arrays once, in the memory the weights lie in."""
    parts = [
        to_tensors({"x": np.ones(BANDWIDTH_BYTES // 4 // THREADS, np.float32)}).whole["x"] for _ in range(THREADS)
    ]
    arrays = [part.numpy() for part in parts]
    best = 0.0
    for _ in range(repeats):
        threads = [threading.Thread(target=array.max) for array in arrays]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, sum(array.nbytes for array in arrays) / (time.perf_counter() - begin) / 1e9)
    return best


if __name__ == "__main__":
    main()
