"""Worker: KerasHub's GPT2CausalLM writes, random weights, XLA. Runs in the product's environment."""

import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras_hub
import numpy as np

from benchmarks.generation_cases import CASES, SHAPE, VOCABULARY_SIZE
from benchmarks.workers import serve


def main():
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=VOCABULARY_SIZE,
        num_layers=SHAPE["num_layers"],
        num_heads=SHAPE["num_heads"],
        hidden_dim=SHAPE["hidden_dim"],
        intermediate_dim=4 * SHAPE["hidden_dim"],
        max_sequence_length=SHAPE["context_length"],
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    model.compile(sampler=keras_hub.samplers.TopKSampler(k=40), jit_compile=True)
    random = np.random.default_rng(0)

    def answer(name):
        rows, prompt, new = CASES[name]
        ids = np.zeros((rows, prompt + new), np.int32)
        ids[:, :prompt] = random.integers(1, VOCABULARY_SIZE, (rows, prompt))
        mask = np.arange(prompt + new)[None, :].repeat(rows, 0) < prompt
        start = time.perf_counter()
        model.generate({"token_ids": ids, "padding_mask": mask}, stop_token_ids=None)
        return {"tokens_per_s": rows * new / (time.perf_counter() - start)}

    answer("one")  # it compiles anew for each length
    serve({"parameters": backbone.count_params(), "keras_hub": keras_hub.__version__}, answer)


if __name__ == "__main__":
    main()
