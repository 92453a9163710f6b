"""Writes the random GPT-2 of the jinyong shape as transformers.js opens it.

    python -m benchmarks.peers.transformers_js.export_model FOLDER

`onnx/model.onnx` is float32; `onnx/model_quantized.onnx` is its dynamic int8 with a scale for each output channel,
what transformers.js calls q8.
"""

import contextlib
import json
import logging
import pathlib
import sys
import tempfile

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.peers.hf_generate import build
from benchmarks.peers.ort_model import export

# Largest difference of a logit; the second quantises activations to int8 as well.
TOLERANCES = {"model": 1e-3, "model_quantized": 0.2}


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    model = build()
    model.config.eos_token_id = None  # a random model would stop anywhere
    paths = {name: str(folder / "onnx" / f"{name}.onnx") for name in TOLERANCES}
    export(model, paths["model"])
    _quantise(paths["model"], paths["model_quantized"])
    errors = {name: _difference(path, model, TOLERANCES[name]) for name, path in paths.items()}
    (folder / "generation_config.json").write_text("{}", "utf-8")
    (folder / "config.json").write_text(model.config.to_json_string(), "utf-8")
    print(json.dumps(errors))


def _quantise(source, target):
    logging.disable(logging.WARNING)  # a line for each weight that has no matrix product
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        prepared = str(pathlib.Path(scratch) / "prepared.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def _difference(path, model, tolerance):
    """Largest difference of the last logits from PyTorch's: what is timed must be the same model."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    config = model.config
    ids = np.random.default_rng(1).integers(1, config.vocab_size, (1, 50))
    empty = np.zeros((1, config.n_head, 0, config.n_embd // config.n_head), np.float32)
    feed = {value.name: ids if value.name == "input_ids" else empty for value in session.get_inputs()}
    logits = session.run(["logits"], feed)[0][0, -1]
    with torch.inference_mode():
        error = float(np.abs(logits - model(torch.tensor(ids)).logits[0, -1].numpy()).max())
    if error > tolerance:
        raise RuntimeError(f"{path} differs from its model by {error}")
    return error


if __name__ == "__main__":
    main()
