"""Worker: onnxruntime writes with Hugging Face's GPT-2 in float32, with a key-value cache and all cores."""

import os
import pathlib
import tempfile
import time

import numpy as np
import onnxruntime

from benchmarks.generation_cases import CASES, VOCABULARY_SIZE
from benchmarks.peers.hf_generate import build
from benchmarks.peers.ort_model import export
from benchmarks.workers import serve

TOP_K = 40


def main():
    model = build()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        export(model, str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count()
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    config = model.config
    empty = [np.zeros((1, config.n_head, 0, config.n_embd // config.n_head), np.float32)] * (len(names) - 1)
    random = np.random.default_rng(0)
    error = _difference(session, names, empty, model)

    def answer(name):
        _, prompt, new = CASES[name]
        ids = random.integers(1, VOCABULARY_SIZE, (1, prompt))
        start = time.perf_counter()
        logits, *past = session.run(None, dict(zip(names, [ids, *empty], strict=True)))
        ids = _draw(logits, random)
        if name == "late":
            start, new = time.perf_counter(), new + 1
        for _ in range(new - 1):
            logits, *past = session.run(None, dict(zip(names, [ids, *past], strict=True)))
            ids = _draw(logits, random)
        return {"tokens_per_s": (new - 1 if name == "late" else new) / (time.perf_counter() - start)}

    answer("warm_up")
    serve({"largest_logit_difference": error, "onnxruntime": onnxruntime.__version__}, answer)


def _difference(session, names, empty, model):
    """Largest difference of the last logits from PyTorch's: the export must be the same model."""
    import torch

    ids = np.random.default_rng(1).integers(1, VOCABULARY_SIZE, (1, 50))
    ours = session.run(None, dict(zip(names, [ids, *empty], strict=True)))[0]
    with torch.inference_mode():
        error = float(np.abs(ours[:, -1] - model(torch.tensor(ids)).logits[:, -1].numpy()).max())
    if error > 1e-3:
        raise RuntimeError(f"the ONNX export differs from its model by {error}")
    return error


def _draw(logits, random):
    last = logits[0, -1]
    candidates = np.argpartition(last, -TOP_K)[-TOP_K:]
    weights = np.exp(last[candidates] - last[candidates].max())
    return random.choice(candidates, p=weights / weights.sum()).reshape(1, 1)


if __name__ == "__main__":
    main()
